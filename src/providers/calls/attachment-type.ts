/**
 * The type under which an attachment goes out. A message or a multipart may not be encoded (RFC 2046, 5.2.1 and 5.1),
 * so receivers would take the one inside for parts of the one around it: such an attachment goes as the file it is.
 */
export const attachmentType = (declared: string): string =>
  /^\s*(message|multipart)\b/i.test(declared) ? 'application/octet-stream' : declared;
