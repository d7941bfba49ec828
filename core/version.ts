/** The released version, as in package.json (a test holds them together): it goes into every slot. */
export const VERSION = '0.1.0';
