// What SvelteKit lets an application say about itself; nothing to say yet.
declare global {
  namespace App {}
}

export {};
