using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

/// <summary>Reads the type of a block: nothing, one result, or a function type.</summary>
internal static class BlockType
{
    private const byte Empty = 0x40;

    private static readonly FunctionType s_empty = new([], []);
    private static readonly FunctionType[] s_oneResult =
        [.. Enumerable.Range(0, 128).Select(code => new FunctionType([], [(ValueKind)code]))];

    public static FunctionType Read(ref WasmReader reader, ModuleDefinition module)
    {
        int at = reader.Position;
        byte code = reader.PeekByte();
        if (code == Empty)
        {
            reader.Position++;
            return s_empty;
        }

        if (Forms.IsValueKind(code))
        {
            reader.Position++;
            return s_oneResult[code];
        }

        long type = reader.ReadS33();
        if ((ulong)type >= (ulong)module.Types.Length)
            Forms.Invalid("unknown type", at);
        return module.Types[type].Type;
    }
}
