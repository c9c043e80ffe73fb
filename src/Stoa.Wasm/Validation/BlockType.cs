using Stoa.Wasm.Binary;

namespace Stoa.Wasm.Validation;

/// <summary>Reads the type of a block: nothing, one result, or a function type.</summary>
internal static class BlockType
{
    private const byte Empty = 0x40;

    private static readonly FunctionType?[] s_short = [.. Enumerable.Range(0, 128).Select(OfCode)];

    /// <summary>Whether a byte alone is the type of a block: of one without parameters, and with one result at most.</summary>
    public static bool IsShort(byte code) => code == Empty || Forms.IsValueKind(code);

    /// <summary>The only result of a type that is one byte; 0 without a result.</summary>
    public static ValueKind ShortResult(byte code) => code == Empty ? 0 : (ValueKind)code;

    /// <summary>The index of a type that is one byte.</summary>
    public static int IndexOfShort(byte code) => ~code;

    public static FunctionType Read(ref WasmReader reader, ModuleDefinition module) => Of(ReadIndex(ref reader, module), module);

    /// <summary>Reads a type as a number: its index in the module, or <see cref="IndexOfShort"/>.</summary>
    public static int ReadIndex(ref WasmReader reader, ModuleDefinition module)
    {
        int at = reader.Position;
        byte code = reader.PeekByte();
        if (IsShort(code))
        {
            reader.Position++;
            return IndexOfShort(code);
        }

        long type = reader.ReadS33();
        if ((ulong)type >= (ulong)module.Types.Length)
            Forms.Invalid("unknown type", at);
        return (int)type;
    }

    /// <summary>The type that has an index.</summary>
    public static FunctionType Of(int index, ModuleDefinition module) => index < 0 ? s_short[~index]! : module.Types[index].Type;

    private static FunctionType? OfCode(int code) =>
        !IsShort((byte)code) ? null
        : new FunctionType([], code == Empty ? [] : [(ValueKind)code]);
}
