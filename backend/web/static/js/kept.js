// What this browser keeps from page to page. One that keeps nothing (storage denied or full) loses that and nothing else:
// a preference is the usual one then, a draft lasts as long as its page.
export function kept(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Keeps a text; null forgets it. */
export function keep(key, text) {
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch (error) {
    console.warn("This browser keeps nothing.", error);
  }
}
