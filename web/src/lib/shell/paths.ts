/** An address of this dashboard, or "/" for anything else: nobody is sent away by a link that somebody else wrote. */
export function localPath(path: string | null | undefined): string {
  if (!path || !path.startsWith("/") || /^\/[/\\]/.test(path)) return "/";
  try {
    const url = new URL(path, "http://here.invalid");
    return url.host === "here.invalid" ? url.pathname + url.search + url.hash : "/";
  } catch {
    return "/";
  }
}
