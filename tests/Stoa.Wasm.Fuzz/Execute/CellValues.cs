using System.Runtime.Intrinsics;
using Stoa.Wasm.Fuzz.Reference;

namespace Stoa.Wasm.Fuzz.Execute;

/// <summary>Values of the engine as cells of the reference interpreter, bit for bit.</summary>
internal static class CellValues
{
    public static Value ToValue(ValueKind kind, Cell cell) => kind switch
    {
        ValueKind.V128 => Value.FromVector(ToVector(cell)),
        ValueKind.FuncRef => Value.NullFunction,
        ValueKind.ExternRef => Value.NullExtern,
        _ => Value.FromBits(kind, cell.Low),
    };

    /// <summary>Of a reference 0 or 1: whether it is one.</summary>
    public static Cell FromValue(Value value) => value.Kind switch
    {
        ValueKind.V128 => FromVector(value.ToVector()),
        ValueKind.FuncRef => Cell.Of(value.ToFunction() is not null),
        ValueKind.ExternRef => Cell.Of(value.ToExtern() is not null),
        _ => new Cell(value.Bits),
    };

    private static Vector128<byte> ToVector(Cell cell)
    {
        var vector = Vector128<byte>.Zero;
        for (int i = 0; i < 16; i++)
            vector = vector.WithElement(i, (byte)cell.Lane(8, i));
        return vector;
    }

    private static Cell FromVector(Vector128<byte> vector)
    {
        var cell = default(Cell);
        for (int i = 0; i < 16; i++)
            cell = cell.WithLane(8, i, vector.GetElement(i));
        return cell;
    }
}
