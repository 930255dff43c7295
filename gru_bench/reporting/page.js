"use strict";
// Column headings become buttons that sort; without this script the tables are as they were written.
function key(cell) {
  const text = cell.dataset.sort ?? cell.textContent.trim();
  return text === "" ? null : text;
}

function compare(one, other) {
  const numbers = [Number(one), Number(other)];
  return numbers.some(Number.isNaN) ? one.localeCompare(other, "en", { numeric: true }) : numbers[0] - numbers[1];
}

function sort(table, heads, column) {
  const ascending = heads[column].getAttribute("aria-sort") !== "ascending";
  heads.forEach((head, index) => {
    head.setAttribute("aria-sort", index !== column ? "none" : ascending ? "ascending" : "descending");
  });
  for (const body of table.tBodies) {
    const rows = [...body.rows].map((row) => ({ row, key: key(row.cells[column]) }));
    rows.sort((one, other) => {
      if (one.key === null || other.key === null) {
        return (one.key === null) - (other.key === null); // what is unknown comes last, either way
      }
      return ascending ? compare(one.key, other.key) : compare(other.key, one.key);
    });
    body.append(...rows.map((entry) => entry.row));
  }
}

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => sort(table, heads, column));
  });
}

// A link to a fold opens it.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

window.addEventListener("hashchange", unfold);
unfold();
