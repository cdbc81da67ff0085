declare global {
  namespace App {
    interface Error {
      message: string;
      /** A part of the site could not be loaded: there is no server to send it. */
      away?: boolean;
    }
  }
}

export {};
