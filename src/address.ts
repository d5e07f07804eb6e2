/** The bare address of one such as `shop@example.com` or `Shop <shop@example.com>`, in lower case. */
export const addressOf = (submitted: string): string =>
  (/<([^<>]+)>\s*$/.exec(submitted)?.[1] ?? submitted).trim().toLowerCase();

/** The domain of such an address, in lower case. */
export const domainOf = (submitted: string): string => {
  const address = addressOf(submitted);
  return address.slice(address.lastIndexOf('@') + 1);
};
