// Thumbnails of the clips at hand. `props.value` is {items: [{name, title, credit, picture}], chosen}.
const list = element.querySelector(".picker");

function draw() {
  const { items, chosen } = props.value ?? { items: [], chosen: null };
  list.replaceChildren(
    ...items.map((item) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "picker-clip";
      button.title = item.credit ? `${item.title} \u2014 ${item.credit}` : item.title;
      button.setAttribute("aria-pressed", String(item.name === chosen));
      const picture = document.createElement("img");
      picture.src = item.picture;
      picture.alt = "";
      const caption = document.createElement("span");
      caption.textContent = item.title;
      button.append(picture, caption);
      button.addEventListener("click", () => trigger("pick", { name: item.name }));
      return button;
    }),
  );
  const credit = items.find((item) => item.name === chosen)?.credit ?? "";
  element.querySelector(".picker-credit").textContent = credit;
}

watch("value", draw);
draw();
