// Sort and filter the rows of tables. Without scripts, the tables are complete, in their own order.
"use strict";

(() => {
  const MIN_ROWS_TO_FILTER = 8;

  const key = (row, column, isNumber) => {
    const text = row.cells[column].textContent;
    if (!isNumber) return text.toLowerCase();
    const number = Number(text.replace(/[,%]/g, ""));
    return text === "" || Number.isNaN(number) ? null : number;
  };

  // Rows without a value stay last in either direction.
  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return typeof a === "number" ? sign * (a - b) : sign * a.localeCompare(b, "en", { numeric: true });
  };

  function sort(table, header) {
    const isNumber = header.classList.contains("number");
    const before = header.getAttribute("aria-sort");
    // The first click shows the lowest number, the worst class, or the first name.
    const direction = before === "ascending" ? "descending" : "ascending";
    for (const other of table.tHead.rows[0].cells) {
      if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    }
    header.setAttribute("aria-sort", direction);
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, header.cellIndex, isNumber), row]);
    rows.sort(([a], [b]) => compare(a, b, direction === "ascending" ? 1 : -1));
    body.append(...rows.map(([, row]) => row));
  }

  function addFilter(table) {
    const input = document.createElement("input");
    input.type = "search";
    const label = document.createElement("label");
    label.append("Filter rows ", input);
    const status = document.createElement("output");
    const controls = document.createElement("div");
    controls.className = "controls";
    controls.append(label, status);
    const rows = [...table.tBodies[0].rows];
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    const show = () => {
      const wanted = input.value.trim().toLowerCase();
      let shown = 0;
      for (const [row, text] of texts) {
        row.hidden = !text.includes(wanted);
        shown += !row.hidden;
      }
      status.textContent = `${shown.toLocaleString("en-US")} of ${rows.length.toLocaleString("en-US")} rows`;
    };
    input.addEventListener("input", show);
    show();
    table.closest(".wide").before(controls);
  }

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    for (const header of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      if (!button.textContent) button.textContent = "name";
      header.append(button);
      header.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => sort(table, header));
    }
    if (table.tBodies[0].rows.length >= MIN_ROWS_TO_FILTER) addFilter(table);
  }
})();
