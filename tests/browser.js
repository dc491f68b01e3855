// What tests/browser.py asks a page: one function a part, in the order of the names there.
// ---- MIDDLE
selector => {
  const element = document.querySelector(selector);
  if (!element) return null;
  element.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
  const box = element.getClientRects()[0]; // a link may be broken into several lines
  return box ? [box.left + box.width / 2, box.top + box.height / 2] : null;
}
// ---- SET_VALUE
(selector, value) => {
  const element = document.querySelector(selector);
  if (!element) return false;
  const kind = element instanceof HTMLSelectElement ? HTMLSelectElement
    : element instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
  if (element.type === "checkbox" || element.type === "radio") {
    if (element.checked !== Boolean(value)) element.click();
    return true;
  }
  Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(element, value);
  for (const name of ["input", "change"]) element.dispatchEvent(new Event(name, {bubbles: true}));
  return true;
}
// ---- TOO_WIDE
() => {
  const width = document.documentElement.clientWidth, found = [];
  const scrolls = element => {
    for (let up = element.parentElement; up && up !== document.body; up = up.parentElement) {
      if (/auto|scroll|hidden|clip/.test(getComputedStyle(up).overflowX)) return true;
    }
    return false;
  };
  const name = element => {
    const words = (element.textContent || "").trim().slice(0, 40);
    const kind = element.getAttribute("class");
    return element.tagName.toLowerCase() + (element.id ? "#" + element.id : "") + (kind ? "." + kind : "") +
      (words ? " “" + words + "”" : "");
  };
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (box.width < 1 || box.height < 1 || !element.checkVisibility({visibilityProperty: true})) continue;
    if (box.right < 1) continue; // parked off the page on purpose, for screen readers
    if ((box.right > width + 1 || box.left < -1) && !scrolls(element)) {
      found.push(`${name(element)}: ${Math.round(box.left)} to ${Math.round(box.right)} of ${width}`);
    }
  }
  if (!found.length && document.documentElement.scrollWidth > width + 1) {
    found.push(`the page: ${document.documentElement.scrollWidth} of ${width}`);
  }
  return found;
}
// ---- OVERLAPS
() => {
  const atoms = [];
  const clipped = (box, element) => {
    let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom];
    for (let up = element; up && up !== document.body; up = up.parentElement) {
      if (getComputedStyle(up).overflow !== "visible") {
        const frame = up.getBoundingClientRect();
        left = Math.max(left, frame.left); top = Math.max(top, frame.top);
        right = Math.min(right, frame.right); bottom = Math.min(bottom, frame.bottom);
      }
    }
    return {left, top, right, bottom};
  };
  const add = (boxes, element, words) => {
    if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true})) return;
    for (let up = element; up; up = up.parentElement) {
      if (["fixed", "sticky"].includes(getComputedStyle(up).position)) return;
    }
    for (const whole of boxes) {
      const box = clipped(whole, element);
      if (box.right - box.left > 1 && box.bottom - box.top > 1) atoms.push({...box, element, words});
    }
  };
  for (const element of document.body.querySelectorAll("math, img, canvas")) {
    add([element.getBoundingClientRect()], element, `${element.tagName.toLowerCase()} ${element.textContent.slice(0, 30)}`);
  }
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const within = node.parentElement;
    if (!node.data.trim() || within.closest("math, script, style, noscript, template")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    add(range.getClientRects(), within, node.data.trim().slice(0, 40));
  }
  atoms.sort((a, b) => a.top - b.top);
  const found = [];
  for (let i = 0; i < atoms.length; i++) {
    for (let j = i + 1; j < atoms.length && atoms[j].top < atoms[i].bottom - 2; j++) {
      const a = atoms[i], b = atoms[j];
      if (a.element === b.element) continue;
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // Lines of text overlap by their leading; half a line is more than that.
      const line = 0.5 * Math.min(a.bottom - a.top, b.bottom - b.top);
      if (across > 2 && down > Math.max(2, Math.min(line, 8))) found.push(`“${a.words}” and “${b.words}”`);
    }
  }
  return found;
}
// ---- DEAD
() => [...document.querySelectorAll("a[href^='#']")].map(a => a.getAttribute("href").slice(1))
  .filter(id => id && !document.getElementById(decodeURIComponent(id)) &&
    !document.getElementsByName(decodeURIComponent(id)).length)
