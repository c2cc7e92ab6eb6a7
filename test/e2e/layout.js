// SPDX-License-Identifier: Apache-2.0
// What a glance at the page finds: words that are broken because their column is too narrow, things on top of each other,
// things beside the screen, targets that are too small for a finger. It knows nothing of the page but its boxes.

/** Runs in the browser. Sentences about what is wrong on the screen as it is now; none when all is well. */
export function layoutFaults({ fingerSize, isPhone }) {
  const SLACK = 1; // pixels: boxes have fractions
  const faults = [];
  const width = document.documentElement.clientWidth;
  const contentWidth = (element) => {
    const { paddingLeft, paddingRight } = getComputedStyle(element);
    return element.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
  };
  const card = contentWidth(document.querySelector('main'));

  const opacity = (element) => (element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1);
  const isSeen = (element) =>
    element.checkVisibility({ checkVisibilityCSS: true }) && element.getClientRects().length > 0 && opacity(element) > 0;
  const nameOf = (element) =>
    `${element.localName}${element.id && `#${element.id}`} "${element.textContent.trim().replace(/\s+/g, ' ').slice(0, 30)}"`;
  const blockOf = (element) => (getComputedStyle(element).display === 'inline' ? blockOf(element.parentElement) : element);

  /** An element that scrolls shows a part of its text. */
  function inView(element, boxes) {
    if (getComputedStyle(element).overflowY === 'visible') return boxes;
    const { top, bottom } = element.getBoundingClientRect();
    return boxes
      .filter((box) => box.top < bottom && box.bottom > top)
      .map((box) => new DOMRect(box.left, Math.max(box.top, top), box.width, Math.min(box.bottom, bottom) - Math.max(box.top, top)));
  }

  /** Text nodes that can be seen, with the boxes of their lines. */
  function* texts() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (!node.data.trim() || node.parentElement.closest('script, style') || !isSeen(node.parentElement)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const boxes = inView(node.parentElement, [...range.getClientRects()]).filter((box) => box.width > 0 && box.height > 0);
      if (boxes.length) yield { node, element: node.parentElement, boxes };
    }
  }

  function checkWords({ node, element }) {
    const range = document.createRange();
    const block = blockOf(element).getBoundingClientRect();
    // A word that is longer than a whole line may be broken; a column must not be narrower than its words.
    const room = block.width < 0.9 * card ? card : contentWidth(blockOf(element));
    for (const { 0: word, index } of node.data.matchAll(/[^\s\-–—/?·|]+/g)) {
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const boxes = [...range.getClientRects()].filter((box) => box.width > 0);
      const needed = boxes.reduce((sum, box) => sum + box.width, 0);
      const lines = new Set(boxes.map((box) => Math.round(box.top))).size;
      if (lines > 1 && needed < room - SLACK) faults.push(`${nameOf(element)} is narrower than its word "${word}"`);
      const sticksOut = boxes.some((box) => box.left < block.left - SLACK || box.right > block.right + SLACK);
      if (sticksOut) faults.push(`the word "${word}" sticks out of ${nameOf(element)}`);
    }
  }

  function checkSides(element) {
    const { left, right } = element.getBoundingClientRect();
    if (left < -SLACK || right > width + SLACK) {
      faults.push(`${nameOf(element)} lies beside the screen: ${Math.round(left)} to ${Math.round(right)} of ${width}`);
    }
  }

  /** Without the edges: letters stay away from those. */
  const inner = ({ left, right, top, bottom }) => ({ left: left + 2, right: right - 2, top: top + 3, bottom: bottom - 3 });
  const overlaps = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

  function checkOverlaps(things) {
    for (const [i, one] of things.entries()) {
      for (const other of things.slice(i + 1)) {
        const isInside = one.element.contains(other.element) || other.element.contains(one.element);
        if (!isInside && one.boxes.some((a) => other.boxes.some((b) => overlaps(inner(a), inner(b))))) {
          faults.push(`${nameOf(one.element)} and ${nameOf(other.element)} overlap`);
        }
      }
    }
  }

  /** Label and value of a table: both or none, side by side or one above the other. */
  function checkPair(label) {
    const value = label.nextElementSibling;
    if (isSeen(label) !== isSeen(value)) {
      faults.push(`${nameOf(isSeen(label) ? label : value)} stands alone`);
      return;
    }
    const [a, b] = [label, value].map((element) => element.getBoundingClientRect());
    const isBeside = a.right <= b.left + SLACK && a.top < b.bottom && b.top < a.bottom;
    const isAbove = a.bottom <= b.top + SLACK && a.left < b.right && b.left < a.right;
    if (isSeen(label) && !isBeside && !isAbove) faults.push(`${nameOf(label)} stands away from ${nameOf(value)}`);
  }

  /** A finger may land on the label as well. */
  function checkTarget(element) {
    const boxes = [element, ...(element.labels ?? [])].filter((part) => part.checkVisibility()).map((part) => part.getBoundingClientRect());
    const reach = (side) => Math.max(...boxes.map((box) => box[side]));
    if (reach('width') < fingerSize - 0.5 || reach('height') < fingerSize - 0.5) {
      faults.push(`${nameOf(element)} is too small for a finger: ${Math.round(reach('width'))} x ${Math.round(reach('height'))}`);
    }
  }

  const words = [...texts()];
  const elements = [...document.body.querySelectorAll('*')].filter((element) => !element.closest('script, style') && isSeen(element));
  const controls = elements.filter((element) => element.matches('button, input, progress, meter, select, textarea, img, svg'));
  words.forEach(checkWords);
  elements.forEach(checkSides);
  document.querySelectorAll('dt').forEach(checkPair);
  checkOverlaps([...words, ...controls.map((element) => ({ element, boxes: [element.getBoundingClientRect()] }))]);
  if (isPhone) {
    const operable = 'button, a[href], input:not([type=hidden]), select, summary';
    [...document.querySelectorAll(operable)].filter((element) => element.checkVisibility()).forEach(checkTarget);
  }
  if (document.documentElement.scrollWidth > width) {
    faults.push(`the page is ${document.documentElement.scrollWidth} px wide, the screen ${width}`);
  }
  return faults;
}
