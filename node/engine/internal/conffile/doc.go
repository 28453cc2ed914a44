// Package conffile reads, edits and writes configuration files in Asterisk's dialect as Asterisk's own UpdateConfig does: comments, blank
// lines, templates and #include stay.
//
// A Dir is the only way to a file: what is in that directory, and nothing else, whatever a name or a symbolic link says. A File is one file
// and those it includes, in memory; it is for one goroutine. Update reads a file, lets it be edited, and replaces it (and what it
// includes), each file at once: a reader sees the old or the new one.
//
// What differs from Asterisk, where that loses or garbles what was there:
//   - a comment ";-- … --;" is kept as it stands;
//   - a new line goes into the file its section is in, and so does an inherited value that was changed;
//   - a name that begins with "[" or "#" is written as "\[" or "\#";
//   - a section that inherits from one that is deleted keeps its values;
//   - before a file is replaced, what would be written is read again; if that is something else, nothing is written. So names that the
//     dialect cannot express, a file that is included twice, and an included file that is not wholly readable make an update fail.
//
// #exec is never run. Everything is bounded: see the constants.
package conffile
