"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const view = document.getElementById("view");
const svg = view.querySelector("svg");
const told = document.getElementById("told");
const width = Number(svg.getAttribute("width"));
let scale = 1, x = 0, y = 0, pinned = -1;

function place() {
  svg.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
}

function fit() {
  scale = Math.min(1.15, (view.clientWidth - 24) / width);
  x = (view.clientWidth - width * scale) / 2;
  y = 8;
  place();
}

function zoom(factor, cx = view.clientWidth / 2, cy = view.clientHeight / 2) {
  const next = Math.min(6, Math.max(0.05, scale * factor));
  x = cx - ((cx - x) * next) / scale;
  y = cy - ((cy - y) * next) / scale;
  scale = next;
  place();
}

// ---- links between both sides: by the layers' paths, or by the places in the program ----

function within(inner, outer) {
  return inner === outer || inner.startsWith(outer + "/");
}

function related(a, b) {
  if (a === b) return true;
  if (a.side === b.side) return within(b.scope, a.scope) && a.scope !== "";
  if (a.scope && b.scope && (within(a.scope, b.scope) || within(b.scope, a.scope))) return true;
  return a.places.some((place) => b.places.includes(place));
}

const elements = data.map(() => []);
for (const each of svg.querySelectorAll("[data-number]")) {
  elements[Number(each.dataset.number)].push(each);
}

function light(chosen) {
  svg.classList.toggle("linking", chosen.size > 0);
  elements.forEach((group, number) => {
    for (const each of group) each.classList.toggle("lit", chosen.has(number));
  });
}

function link(number) {
  const chosen = new Set();
  if (number >= 0) {
    data.forEach((each, other) => {
      if (related(data[number], each)) chosen.add(other);
    });
  }
  light(chosen);
}

function tell(number) {
  pinned = number;
  told.hidden = number < 0;
  link(number);
  if (number < 0) return;
  const facts = Object.entries(data[number].facts);
  const close = document.createElement("button");
  close.textContent = "✕";
  close.setAttribute("aria-label", "close");
  close.onclick = () => tell(-1);
  const title = document.createElement("h2");
  title.textContent = facts.length ? facts[0][1] : data[number].scope || "block";
  const list = document.createElement("dl");
  for (const [name, value] of facts.slice(1)) {
    const key = document.createElement("dt"), content = document.createElement("dd");
    key.textContent = name;
    content.textContent = value;
    list.append(key, content);
  }
  told.replaceChildren(close, title, list);
}

function numberAt(event) {
  const hit = event.target.closest("[data-number]");
  return hit ? Number(hit.dataset.number) : -1;
}

svg.addEventListener("pointerover", (event) => {
  if (pinned < 0 && !search.value) link(numberAt(event));
});

// ---- moving and zooming ----

let from = null;
view.addEventListener("pointerdown", (event) => {
  from = { px: event.clientX, py: event.clientY, x, y, moved: false, number: numberAt(event) };
});
view.addEventListener("pointermove", (event) => {
  if (!from || !event.buttons) return;
  const dx = event.clientX - from.px, dy = event.clientY - from.py;
  if (!from.moved && Math.hypot(dx, dy) < 4) return;
  if (!from.moved) view.setPointerCapture(event.pointerId);
  from.moved = true;
  view.classList.add("moving");
  x = from.x + dx;
  y = from.y + dy;
  place();
});
view.addEventListener("pointerup", () => {
  if (from && !from.moved) tell(from.number);
  from = null;
  view.classList.remove("moving");
});
view.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey || !event.shiftKey && event.deltaMode === 0 && Math.abs(event.deltaY) >= 40) {
    const box = view.getBoundingClientRect();
    zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15, event.clientX - box.left, event.clientY - box.top);
  } else {
    x -= event.deltaX;
    y -= event.deltaY;
    place();
  }
}, { passive: false });

// ---- search and keys ----

const search = document.getElementById("search");
const found = document.getElementById("found");
search.addEventListener("input", () => {
  const word = search.value.trim().toLowerCase();
  const chosen = new Set();
  if (word) {
    data.forEach((each, number) => {
      const text = [each.scope, ...Object.values(each.facts)].join(" ").toLowerCase();
      if (text.includes(word)) chosen.add(number);
    });
  }
  light(chosen);
  found.textContent = word ? `${chosen.size} found` : "";
  const first = [...chosen].find((number) => elements[number].length);
  if (first !== undefined) {
    const box = elements[first][0].getBBox();
    x = view.clientWidth / 2 - (box.x + box.width / 2) * scale;
    y = view.clientHeight / 3 - box.y * scale;
    place();
  }
});
document.getElementById("in").onclick = () => zoom(1.25);
document.getElementById("out").onclick = () => zoom(0.8);
document.getElementById("fit").onclick = fit;
addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    search.value = "";
    found.textContent = "";
    tell(-1);
    view.focus();
  } else if (event.target === search) {
    return;
  } else if (event.key === "/") {
    event.preventDefault();
    search.focus();
  } else if (event.key === "+" || event.key === "=") zoom(1.25);
  else if (event.key === "-") zoom(0.8);
  else if (event.key === "0") fit();
  else if (event.key.startsWith("Arrow")) {
    x += { ArrowLeft: 60, ArrowRight: -60 }[event.key] || 0;
    y += { ArrowUp: 60, ArrowDown: -60 }[event.key] || 0;
    place();
  }
});
addEventListener("resize", fit);
fit();
