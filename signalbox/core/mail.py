"""E-mail by SMTP, in a small pool of threads: the standard library's client blocks."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final

from signalbox.core.clock import Clock
from signalbox.core.outgoing import DeliveryFailed
from signalbox.core.settings import MailSettings

TIMEOUT_S: Final = 20.0
_THREADS: Final = 2


class Mailer:
    """Hands letters to the mail server."""

    def __init__(self, settings: MailSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mail")

    async def send(self, addresses: str, subject: str, text: bytes) -> None:
        """Send plain text (UTF-8) to addresses parted by commas.

        Raises DeliveryFailed: final when the server refuses every recipient, or us, for good.
        """
        message = self._message(addresses, subject, text)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, self._deliver, message)

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _message(self, addresses: str, subject: str, text: bytes) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self._settings.sender, addresses
        message["Subject"] = " ".join(subject.split())
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = make_msgid(domain=self._settings.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: answering machines keep still
        message.set_content(text.decode())
        return message

    def _deliver(self, message: EmailMessage) -> None:
        try:
            with self._connected() as server:
                if self._settings.user is not None:
                    server.login(self._settings.user, self._settings.password or "")
                server.send_message(message)
        except smtplib.SMTPAuthenticationError:
            raise DeliveryFailed("sign_in_refused", final=True) from None
        except smtplib.SMTPRecipientsRefused as refused:
            codes = [code for code, _ in refused.recipients.values()]
            raise DeliveryFailed("recipients_refused", final=all(c >= 500 for c in codes)) from None
        except smtplib.SMTPResponseException as answer:
            raise DeliveryFailed(str(answer.smtp_code), final=answer.smtp_code >= 500) from None
        except TimeoutError:
            raise DeliveryFailed("timeout") from None
        except (smtplib.SMTPException, OSError, ssl.SSLError):
            raise DeliveryFailed("unreachable") from None

    def _connected(self) -> smtplib.SMTP:
        host, port, security = (
            self._settings.host or "",
            self._settings.port,
            self._settings.security,
        )
        if security == "tls":
            return smtplib.SMTP_SSL(
                host, port, timeout=TIMEOUT_S, context=ssl.create_default_context()
            )
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
        if security == "starttls":
            try:
                server.starttls(context=ssl.create_default_context())
            except BaseException:
                server.close()
                raise
        return server
