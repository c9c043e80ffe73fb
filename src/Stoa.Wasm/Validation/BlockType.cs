using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

/// <summary>Reads the type of a block: nothing, one result, or a function type.</summary>
internal static class BlockType
{
    private const byte Empty = 0x40;

    /// <summary>The types that are written in one byte, by that byte; null where it is none.</summary>
    public static FunctionType?[] ByCode { get; } = [.. Enumerable.Range(0, 128).Select(OfCode)];

    public static FunctionType Read(ref WasmReader reader, ModuleDefinition module)
    {
        int at = reader.Position;
        byte code = reader.PeekByte();
        if (code < ByCode.Length && ByCode[code] is { } known)
        {
            reader.Position++;
            return known;
        }

        long type = reader.ReadS33();
        if ((ulong)type >= (ulong)module.Types.Length)
            Forms.Invalid("unknown type", at);
        return module.Types[type].Type;
    }

    private static FunctionType? OfCode(int code) =>
        code == Empty ? new FunctionType([], [])
        : Forms.IsValueKind((byte)code) ? new FunctionType([], [(ValueKind)code])
        : null;
}
