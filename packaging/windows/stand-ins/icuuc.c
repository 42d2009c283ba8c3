/* Stand-in for the ICU of Windows 10, which Qt links: there is no converter for any old encoding. For trying things
   under Wine, never shipped. */
#define EXPORT __declspec(dllexport)
#define FILE_ACCESS_ERROR 4

typedef int Code;
typedef unsigned short Char;

static void failed(Code *code) { if (code) *code = FILE_ACCESS_ERROR; }

EXPORT void *ucnv_open(const char *name, Code *code) { failed(code); return 0; }
EXPORT void ucnv_close(void *converter) {}
EXPORT void ucnv_reset(void *converter) {}
EXPORT signed char ucnv_getMaxCharSize(const void *converter) { return 1; }
EXPORT const char *ucnv_getName(const void *converter, Code *code) { failed(code); return 0; }
EXPORT const char *ucnv_getAvailableName(int place) { return 0; }
EXPORT int ucnv_countAvailable(void) { return 0; }
EXPORT const char *ucnv_getStandardName(const char *name, const char *standard, Code *code)
{
    if (code) *code = 0;
    return 0;
}
EXPORT void UCNV_FROM_U_CALLBACK_SUBSTITUTE(const void *a, void *b, const Char *c, int d, int e, int f, Code *code) {}
EXPORT void UCNV_TO_U_CALLBACK_SUBSTITUTE(const void *a, void *b, const char *c, int d, int e, Code *code) {}
EXPORT void ucnv_getToUCallBack(const void *converter, void *action, const void **context) {}
EXPORT void ucnv_getFromUCallBack(const void *converter, void *action, const void **context) {}
EXPORT void ucnv_setToUCallBack(void *a, void *b, const void *c, void *d, const void **e, Code *code) { failed(code); }
EXPORT void ucnv_setFromUCallBack(void *a, void *b, const void *c, void *d, const void **e, Code *code) { failed(code); }
EXPORT void ucnv_cbToUWriteUChars(void *a, const Char *b, int c, int d, Code *code) { failed(code); }
EXPORT void ucnv_cbFromUWriteUChars(void *a, const Char **b, const Char *c, int d, Code *code) { failed(code); }
EXPORT void ucnv_toUnicode(void *a, Char **b, const Char *c, const char **d, const char *e, int *f, signed char g, Code *code)
{
    failed(code);
}
EXPORT void ucnv_fromUnicode(void *a, char **b, const char *c, const Char **d, const Char *e, int *f, signed char g, Code *code)
{
    failed(code);
}
EXPORT int ucnv_toUCountPending(const void *converter, Code *code) { return 0; }
