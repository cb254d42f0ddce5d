// SPDX-License-Identifier: GPL-2.0
/*
 * Printing names that may hold any byte: one event must stay one line, and JSON
 * must stay valid.
 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>

#include "common/output.h"

/**
 * print_escaped - print a string for people, on one line
 * @out:	where to
 * @s:		the string; control characters and backslashes become \ooo, as in
 *		/proc/self/mountinfo
 */
void print_escaped(FILE *out, const char *s)
{
	const unsigned char *p;

	for (p = (const unsigned char *)s; *p; p++) {
		if (*p < ' ' || *p == 0x7f || *p == '\\')
			fprintf(out, "\\%03o", *p);
		else
			putc(*p, out);
	}
}

/* Length of the UTF-8 sequence at p, 0 if it is none. */
static int utf8_len(const unsigned char *p)
{
	static const unsigned int lowest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned int c;
	int len, i;

	if (*p < 0x80)
		return 1;
	if (*p >= 0xc2 && *p < 0xe0)
		len = 2;
	else if (*p >= 0xe0 && *p < 0xf0)
		len = 3;
	else if (*p >= 0xf0 && *p < 0xf5)
		len = 4;
	else
		return 0;

	c = *p & (0x7f >> len);
	for (i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < lowest[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	return len;
}

/**
 * print_json_string - print a string as JSON, with the quotes
 * @out:	where to
 * @s:		the string
 *
 * A byte that is not UTF-8 becomes a lone surrogate, \udc80 to \udcff: what
 * Python's surrogateescape does, so os.fsencode() gets the name back.
 */
void print_json_string(FILE *out, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	int len;

	putc('"', out);
	while (*p) {
		len = utf8_len(p);
		if (!len)
			fprintf(out, "\\udc%02x", *p++);
		else if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p++);
		else if (*p < ' ' || *p == 0x7f)
			fprintf(out, "\\u%04x", *p++);
		else
			for (; len; len--)
				putc(*p++, out);
	}
	putc('"', out);
}

/**
 * print_end - all is printed
 *
 * Return: 0, or -1 after it has said that it could not be.
 */
int print_end(void)
{
	bool failed = ferror(stdout);

	errno = 0;
	if (!fflush(stdout) && !failed)
		return 0;
	if (errno)
		warn("cannot write to the standard output");
	else
		warnx("cannot write to the standard output");
	return -1;
}
