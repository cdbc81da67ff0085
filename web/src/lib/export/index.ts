export { type Cell, fileName, toCsv } from "./csv";
export { download, downloadCsv, downloadJson, downloadPng } from "./download";
