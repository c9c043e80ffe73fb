namespace Stoa.Bench.Wasm;

/// <summary>Moves the machine code of a module's functions by a few bytes each, without changing what they compute.</summary>
/// <remarks>
/// Where a jump lies within a block of 32 bytes can make a loop half as slow again on some processors (Intel's erratum on conditional
/// jumps), and a single instruction more or less anywhere before moves it. So one layout says little about what a few instructions cost.
/// </remarks>
internal static class CodeLayout
{
    public const int Count = 4;

    private const byte CodeSection = 10;

    // i32.const 0, i32.const 7, i32.store: seven bytes on x64. Nothing else in the programs uses the address 0.
    private static readonly byte[] s_store = [0x41, 0, 0x41, 7, 0x36, 2, 0];

    /// <summary>The module with a number of stores at the start of each function.</summary>
    /// <param name="wasm">A module whose memory has at least four bytes.</param>
    /// <param name="stores">0 gives the module as it is.</param>
    public static byte[] Shift(byte[] wasm, int stores)
    {
        if (stores == 0)
            return wasm;
        var shifted = new MemoryStream();
        shifted.Write(wasm, 0, 8);
        int at = 8;
        while (at < wasm.Length)
        {
            byte id = wasm[at++];
            int length = (int)ReadU32(wasm, ref at);
            var content = wasm.AsSpan(at, length);
            at += length;
            shifted.WriteByte(id);
            WriteSized(shifted, id == CodeSection ? ShiftFunctions(content.ToArray(), stores) : content);
        }

        return shifted.ToArray();
    }

    private static byte[] ShiftFunctions(byte[] section, int stores)
    {
        var shifted = new MemoryStream();
        int at = 0;
        uint functions = ReadU32(section, ref at);
        WriteU32(shifted, functions);
        for (; functions > 0; functions--)
        {
            int length = (int)ReadU32(section, ref at);
            int end = at + length;
            int start = at;
            for (uint groups = ReadU32(section, ref at); groups > 0; groups--)
            {
                ReadU32(section, ref at);
                at++;
            }

            var body = new MemoryStream();
            body.Write(section, start, at - start);
            for (int i = 0; i < stores; i++)
                body.Write(s_store);
            body.Write(section, at, end - at);
            at = end;
            WriteSized(shifted, body.ToArray());
        }

        return shifted.ToArray();
    }

    private static void WriteSized(MemoryStream to, ReadOnlySpan<byte> content)
    {
        WriteU32(to, (uint)content.Length);
        to.Write(content);
    }

    // LEB128, as in the binary format of WebAssembly.
    private static uint ReadU32(byte[] bytes, ref int at)
    {
        uint value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = bytes[at++];
            value |= (uint)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
    }

    private static void WriteU32(MemoryStream to, uint value)
    {
        for (; value >= 0x80; value >>= 7)
            to.WriteByte((byte)(value | 0x80));
        to.WriteByte((byte)value);
    }
}
