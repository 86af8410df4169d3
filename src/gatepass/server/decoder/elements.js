// Elements of the page. What is put into them is text, and never anything else.

/** The element of that id, which is in the page. */
export function element(id) {
  return document.getElementById(id);
}

/** A new element. An attribute that is a function listens to the event of that name; one that is null is left out. */
export function made(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== ""));
  return node;
}

/** Put `children` into `node`, in the place of what is there. */
export function refill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== ""));
}

/** A sentence, with what stands between backticks set as code. */
export function worded(sentence) {
  const pieces = sentence.split("`");
  if (pieces.length % 2 === 0) {
    const last = pieces.pop(); // one that is not closed is a backtick and no more
    pieces.push(`${pieces.pop()}\`${last}`);
  }
  return pieces.map((piece, at) => (at % 2 ? made("code", {}, piece) : piece));
}
