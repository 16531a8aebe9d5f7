const button = document.querySelector("[data-menu]")
const menu = document.getElementById("menu")

button?.addEventListener("click", () => {
  const opens = menu.hidden
  menu.hidden = !opens
  button.setAttribute("aria-expanded", String(opens))
})
