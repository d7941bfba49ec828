/** In the metadata of uploads and their objects: proves whose an object is. */
export const TOKEN = 'sluice-token';
