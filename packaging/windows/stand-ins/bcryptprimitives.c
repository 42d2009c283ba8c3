/* Stand-in for a library of Windows 10 that Wine 8 lacks; for trying things under Wine, never shipped. */
#define EXPORT __declspec(dllexport)

__declspec(dllimport) unsigned char SystemFunction036(void *, unsigned long);

EXPORT int ProcessPrng(unsigned char *into, unsigned long long size)
{
    return SystemFunction036(into, (unsigned long)size);
}
