// Counts and scores of a class at the threshold that the reader chooses.
"use strict";

distF1.ratio = (part, whole) => (whole > 0 ? part / whole : null);

// Return counts and scores of a class at the threshold with this index.
distF1.atThreshold = function atThreshold(entry, i) {
  const tp = entry.true_positive[i];
  const fp = entry.predicted[i] - tp;
  const fn = entry.actual - tp;
  const [precision, recall, f1] = entry.averages
    ? entry.averages.map((values) => values[i])
    : [distF1.ratio(tp, tp + fp), distF1.ratio(tp, tp + fn), distF1.ratio(2 * tp, 2 * tp + fp + fn)];
  return { tp, fp, fn, tn: entry.total - tp - fp - fn, precision, recall, f1 };
};

distF1.Explorer = class {
  constructor(root, data) {
    this.root = root;
    this.data = data;
    this.select = root.querySelector("select");
    this.slider = root.querySelector("input");
    this.output = root.querySelector("output");
    this.select.append(...data.classes.map((entry, i) => new Option(entry.name, i)));
    this.slider.max = data.thresholds.length - 1;
    root.hidden = false;
    this.instance = echarts.init(root.querySelector(".canvas"), distF1.theme(), { renderer: "svg" });
    this.select.addEventListener("change", () => this.showBest());
    this.slider.addEventListener("input", () => this.draw());
    root.querySelector("button").addEventListener("click", () => this.showBest());
    distF1.fit(this.instance);
    this.showBest();
  }

  get entry() {
    return this.data.classes[this.select.value];
  }

  showBest() {
    this.slider.value = this.entry.best;
    this.draw();
  }

  draw() {
    const { entry } = this;
    const i = Number(this.slider.value);
    const values = distF1.atThreshold(entry, i);
    for (const cell of this.root.querySelectorAll("[data-count]")) {
      cell.textContent = distF1.number(values[cell.dataset.count]);
    }
    for (const cell of this.root.querySelectorAll("[data-score]")) {
      const value = values[cell.dataset.score];
      cell.textContent = value === null ? "–" : value.toFixed(4);
      cell.style.setProperty("--part", value ?? 0);
    }
    const threshold = distF1.number(this.data.thresholds[i]);
    const isBest = i === entry.best ? ", the best" : "";
    this.output.textContent = `${threshold}${isBest}: F1 ${values.f1?.toFixed(4) ?? "–"}`;
    this.slider.setAttribute("aria-valuetext", threshold);
    this.drawCurves(entry, this.data.thresholds[i]);
  }

  drawCurves(entry, threshold) {
    const { thresholds } = this.data;
    const points = thresholds.map((_, i) => distF1.atThreshold(entry, i));
    const mark = (x, name, type) => ({ xAxis: x, name, lineStyle: { type }, label: { formatter: name } });
    const best = thresholds[entry.best];
    const marks = [mark(threshold, threshold === best ? "best" : "chosen", "solid")];
    if (threshold !== best) marks.push(mark(best, "best", "dashed"));
    const series = ["precision", "recall", "f1"].map((name, i) => ({
      type: "line",
      name: name === "f1" ? "F1" : name,
      symbol: "none",
      lineStyle: { width: name === "f1" ? 3 : 1.5, type: ["solid", "dashed", "solid"][i] },
      data: points.map((point, j) => [thresholds[j], point[name]]),
    }));
    series[2].markLine = {
      symbol: "none",
      silent: true,
      lineStyle: { color: distF1.color("--text") },
      label: { color: distF1.color("--text") },
      data: marks,
    };
    const axis = { type: "value", min: 0, max: 1, nameLocation: "middle" };
    this.instance.setOption({
      animation: false,
      grid: {
        left: 4,
        right: 16,
        top: 48,
        bottom: 4,
        outerBoundsMode: "same",
        outerBoundsContain: "all",
      },
      legend: { top: 0 },
      tooltip: { trigger: "axis", valueFormatter: (value) => distF1.number(value) },
      xAxis: { ...axis, name: "threshold (probability)", nameGap: 28 },
      yAxis: { ...axis, name: "score", nameGap: 36 },
      series,
    });
  }
};

for (const root of document.querySelectorAll("[data-thresholds]")) {
  const json = document.getElementById(root.dataset.thresholds).textContent;
  root.explorer = new distF1.Explorer(root, JSON.parse(json));
  distF1.charts.push(root.explorer);
}
