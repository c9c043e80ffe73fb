using System.Buffers;
using System.Text;

namespace Stoa.Node.Tasks.Live;

/// <summary>Text of a log that is read by pieces, each of whole characters.</summary>
internal static class LogText
{
    private const int MaxCharacterBytes = 4;

    /// <summary>How many bytes at the beginning are the rest of a character whose first byte is missing.</summary>
    public static int CountTorn(ReadOnlySpan<byte> bytes)
    {
        var torn = 0;
        while (torn < bytes.Length && torn < MaxCharacterBytes - 1 && (bytes[torn] & 0xC0) == 0x80)
            torn++;
        return torn;
    }

    /// <summary>How many bytes at the end are a character that has not come whole yet.</summary>
    public static int CountUnfinished(ReadOnlySpan<byte> bytes)
    {
        for (var length = 1; length < MaxCharacterBytes && length <= bytes.Length; length++)
        {
            if (Rune.DecodeFromUtf8(bytes[^length..], out _, out _) is OperationStatus.NeedMoreData)
                return length;
        }

        return 0;
    }
}
