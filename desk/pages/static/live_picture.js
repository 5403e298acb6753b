// The picture of live calls: a row for each service, a column for each step, a dot for each call.

const SPACE = "http://www.w3.org/2000/svg";
const WIDTH = 469;
const HEAD = 36;
const NAME = 18;
const DOT = 6; // radius
const PITCH = 15; // from dot to dot
const ACROSS = 4; // dots next to each other in a column
const DOWN = 4; // lines of dots; what does not fit is a number
const GAP = 10;

function draw(name, attributes, text = "") {
  const one = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  if (text) one.textContent = text;
  return one;
}

// groups: [{ name, calls: [{ id, step }] }]. Returns an SVG.
export function drawCalls(groups, steps, titles, chosen) {
  const column = WIDTH / steps.length;
  // A column is as wide as one word, so each word has its own line.
  const parts = steps.flatMap((step, at) => titles[step].split(" ").map((word, line) =>
    draw("text", { class: "step", x: (at + 0.5) * column, y: 13 + line * 14 }, word)));
  let top = HEAD;
  for (const group of groups) {
    parts.push(draw("line", { x1: 0, x2: WIDTH, y1: top, y2: top }));
    parts.push(draw("text", { class: "name", x: 0, y: top + 14 }, group.name));
    let lines = 1;
    steps.forEach((step, at) => {
      const here = group.calls.filter((call) => call.step === step);
      const fits = here.length > ACROSS * DOWN ? ACROSS * (DOWN - 1) : here.length;
      const left = at * column + (column - (ACROSS - 1) * PITCH) / 2;
      here.slice(0, fits).forEach((call, number) => {
        parts.push(draw("circle", {
          class: call.id === chosen ? `${step} chosen` : step, r: call.id === chosen ? DOT + 1 : DOT,
          cx: left + (number % ACROSS) * PITCH, cy: top + NAME + DOT + 4 + Math.floor(number / ACROSS) * PITCH,
        }));
      });
      lines = Math.max(lines, Math.ceil(fits / ACROSS) + (fits < here.length ? 1 : 0));
      if (fits < here.length) {
        const y = top + NAME + DOT + 8 + (DOWN - 1) * PITCH;
        parts.push(draw("text", { class: "over", x: (at + 0.5) * column, y }, `+${here.length - fits}`));
      }
    });
    top += NAME + 4 + lines * PITCH + GAP;
  }
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${top}` });
  picture.append(...parts);
  return picture;
}
