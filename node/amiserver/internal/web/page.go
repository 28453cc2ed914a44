package web

import (
	"fmt"
	"strings"
)

// ErrorPage is the page that Asterisk's HTTP server sends with a status of 400 and more.
func ErrorPage(status int, title, text, server string) string {
	address := ""
	if server != "" {
		address = "<address>" + escaped(server) + "</address>\r\n"
	}
	return fmt.Sprintf("<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\r\n<html><head>\r\n<title>%d %s</title>\r\n</head><body>\r\n"+
		"<h1>%s</h1>\r\n<p>%s</p>\r\n<hr />\r\n%s</body></html>\r\n", status, title, title, escaped(text), address)
}

func escaped(s string) string {
	return string(appendEscaped(nil, []byte(strings.ToValidUTF8(s, "\uFFFD"))))
}

// What stands around the rows of the HTML form of an answer (ami/behaviour.md 11.12): with the cookie, and with digest authentication.
const (
	cookieHead = "<title>Asterisk&trade; Manager Interface</title>" +
		"<body bgcolor=\"#ffffff\"><table align=center bgcolor=\"#f1f1f1\" width=\"500\">\r\n" +
		"<tr><td colspan=\"2\" bgcolor=\"#f1f1ff\"><h1>Manager Tester</h1></td></tr>\r\n" +
		"<tr><td colspan=\"2\" bgcolor=\"#f1f1ff\"><form action=\"manager\" method=\"post\">\n" +
		"\tAction: <select name=\"action\">\n" +
		"\t\t<option value=\"\">-----&gt;</option>\n" +
		"\t\t<option value=\"login\">login</option>\n" +
		"\t\t<option value=\"command\">Command</option>\n" +
		"\t\t<option value=\"waitevent\">waitevent</option>\n" +
		"\t\t<option value=\"listcommands\">listcommands</option>\n" +
		"\t</select>\n" +
		"\tor <input name=\"action\"><br/>\n" +
		"\tCLI Command <input name=\"command\"><br>\n" +
		"\tuser <input name=\"username\"> pass <input type=\"password\" name=\"secret\"><br>\n" +
		"\t<input type=\"submit\">\n</form>\n</td></tr>\r\n"
	cookieFoot = "</table></body>\r\n"

	digestHead = "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\r\n<html><head>\r\n" +
		"<title>Asterisk&trade; Manager Interface</title>\r\n" +
		"</head><body style=\"background-color: #ffffff;\">\r\n<form method=\"POST\">\r\n" +
		"<table align=\"center\" style=\"background-color: #f1f1f1;\" width=\"500\">\r\n" +
		"<tr><th colspan=\"2\" style=\"background-color: #f1f1ff;\"><h1>Manager Tester</h1></th></tr>\r\n" +
		"<tr><th colspan=\"2\" style=\"background-color: #f1f1ff;\">Action: <input name=\"action\" /> Cmd: <input name=\"command\" /><br>" +
		"<input type=\"submit\" value=\"Send request\" /></th></tr>\r\n"
	digestFoot = "</table></form></body></html>\r\n"
)
