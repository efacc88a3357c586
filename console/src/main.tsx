import { render } from "preact";
import { App, start } from "./app";
import "./style/base.css";
import "./style/parts.css";
import "./style/pages.css";
import "./style/records.css";

const place = document.getElementById("app");
if (place) render(<App />, place);
start();
