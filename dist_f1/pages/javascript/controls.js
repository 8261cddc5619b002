// Controls above a chart, all of them elements of HTML that the keyboard reaches: a choice of
// views, buttons that zoom, and a choice of curves.
"use strict";

distF1.element = function element(tag, properties = {}, ...children) {
  const created = Object.assign(document.createElement(tag), properties);
  created.append(...children);
  return created;
};

distF1.viewChoice = function viewChoice(chart, id) {
  const field = distF1.element("fieldset", {}, distF1.element("legend", {}, chart.data.viewsLabel));
  chart.data.views.forEach((view, i) => {
    const radio = distF1.element("input", { type: "radio", name: id, checked: i === 0 });
    radio.addEventListener("change", () => chart.choose(i));
    field.append(distF1.element("label", {}, radio, ` ${view.label}`));
  });
  return field;
};

distF1.zoomButtons = function zoomButtons(chart) {
  const box = distF1.element("div");
  for (const [text, factor] of [["Zoom in", 0.5], ["Zoom out", 2], ["Show all", null]]) {
    const button = distF1.element("button", { type: "button" }, text);
    button.addEventListener("click", () => chart.zoom(factor));
    box.append(button, " ");
  }
  return box;
};

distF1.curveChoice = function curveChoice(chart) {
  const summary = distF1.element("summary");
  const count = () => {
    summary.textContent = `Choose curves (${chart.shown.size} of ${chart.names.length} shown)`;
  };
  const list = distF1.element("ul", { tabIndex: 0 });
  list.setAttribute("aria-label", "Curves");
  for (const name of chart.names) {
    const box = distF1.element("input", { type: "checkbox", checked: chart.shown.has(name) });
    box.addEventListener("change", () => {
      chart.show(name, box.checked);
      count();
    });
    list.append(distF1.element("li", {}, distF1.element("label", {}, box, ` ${name}`)));
  }
  const search = distF1.element("input", { type: "search" });
  search.addEventListener("input", () => {
    const text = search.value.toLowerCase();
    for (const item of list.children) {
      item.hidden = !item.textContent.toLowerCase().includes(text);
    }
  });
  count();
  const label = distF1.element("label", {}, "Filter ", search);
  return distF1.element("details", { className: "picker" }, summary, label, list);
};

for (const chart of distF1.charts) {
  const controls = chart.element.parentElement.querySelector(".controls");
  if (chart.data.views.length) {
    controls.append(distF1.viewChoice(chart, chart.element.dataset.chart));
  }
  if (chart.data.option.dataZoom) controls.append(distF1.zoomButtons(chart));
  if (chart.shown) controls.append(distF1.curveChoice(chart));
  controls.hidden = !controls.childElementCount;
}
