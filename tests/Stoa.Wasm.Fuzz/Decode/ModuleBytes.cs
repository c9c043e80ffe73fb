using Stoa.Wasm.Fuzz.Generation;

namespace Stoa.Wasm.Fuzz.Decode;

/// <summary>The outer form of a module: its header and sections.</summary>
internal static class ModuleBytes
{
    public static ReadOnlySpan<byte> Header => [0, (byte)'a', (byte)'s', (byte)'m', 1, 0, 0, 0];

    /// <summary>
    /// Gives the section in which a damaged module first differs from the whole one the length that it has now, where
    /// that can be told, and the body of a function inside of it likewise.
    /// </summary>
    public static byte[] WithRightLengths(byte[] whole, byte[] damaged)
    {
        int change = whole.AsSpan().CommonPrefixLength(damaged);
        int at = Header.Length;
        while (at < whole.Length)
        {
            int start = at;
            byte id = whole[at++];
            if (!TryReadNumber(whole, ref at, out uint length) || at + length > whole.Length)
                return damaged;
            int end = at + (int)length;
            if (change >= at && change < end)
                return Rebuild(whole, damaged, start, id, at, end, change);
            at = end;
        }

        return damaged;
    }

    private static byte[] Rebuild(byte[] whole, byte[] damaged, int start, byte id, int content, int end, int change)
    {
        // What follows the section is as it was, counted from the back.
        int newEnd = damaged.Length - (whole.Length - end);
        if (newEnd < change)
            return damaged;
        byte[] section = damaged[content..newEnd];
        if (id == 10)
            section = WithRightBodyLength(whole.AsSpan(content, end - content), section, change - content);
        var module = new CodeWriter();
        module.Bytes(damaged.AsSpan(0, start));
        module.Byte(id);
        module.Number((uint)section.Length);
        module.Bytes(section);
        module.Bytes(damaged.AsSpan(newEnd));
        return module.ToArray();
    }

    private static byte[] WithRightBodyLength(ReadOnlySpan<byte> whole, byte[] damaged, int change)
    {
        int at = 0;
        if (!TryReadNumber(whole, ref at, out _))
            return damaged;
        while (at < whole.Length)
        {
            int start = at;
            if (!TryReadNumber(whole, ref at, out uint length) || at + length > whole.Length)
                return damaged;
            int end = at + (int)length;
            if (change >= at && change < end)
            {
                int newEnd = damaged.Length - (whole.Length - end);
                if (newEnd < change)
                    return damaged;
                var code = new CodeWriter();
                code.Bytes(damaged.AsSpan(0, start));
                code.Number((uint)(newEnd - at));
                code.Bytes(damaged.AsSpan(at));
                return code.ToArray();
            }

            at = end;
        }

        return damaged;
    }

    private static bool TryReadNumber(ReadOnlySpan<byte> bytes, ref int at, out uint value)
    {
        value = 0;
        for (int shift = 0; shift < 35 && at < bytes.Length; shift += 7)
        {
            byte next = bytes[at++];
            value |= (uint)(next & 0x7F) << shift;
            if (next < 0x80)
                return value <= int.MaxValue;
        }

        return false;
    }
}
