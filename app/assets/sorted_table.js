// Sorting of a table by any column, kept while rows fill in. Runs as `js_on_load` of its gr.HTML.

let sorted = { column: null, descending: false };

// Cells without a value yet come last either way.
function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  return (Number(a) - Number(b)) * (sorted.descending ? -1 : 1);
}

function apply() {
  const table = element.querySelector("table");
  if (!table || sorted.column === null) return;
  const body = table.tBodies[0];
  const keyOf = (row) => row.cells[sorted.column].dataset.value;
  body.append(...[...body.rows].sort((a, b) => compare(keyOf(a), keyOf(b))));
  table.querySelectorAll("thead button").forEach((button) => {
    const active = Number(button.dataset.column) === sorted.column;
    const state = sorted.descending ? "descending" : "ascending";
    button.parentElement.setAttribute("aria-sort", active ? state : "none");
  });
  element.querySelector("select").value = String(sorted.column);
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("thead button");
  if (!button) return;
  const column = Number(button.dataset.column);
  sorted = { column, descending: sorted.column === column && !sorted.descending };
  apply();
});

element.addEventListener("change", (event) => {
  if (event.target.tagName !== "SELECT") return;
  sorted = { column: Number(event.target.value), descending: false };
  apply();
});

watch("value", apply);
