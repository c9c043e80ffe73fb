using System.Globalization;
using System.Runtime.Intrinsics;

namespace Stoa.Wasm;

/// <summary>A WebAssembly value with its type.</summary>
public readonly struct Value : IEquatable<Value>
{
    private readonly Vector128<ulong> _bits;
    private readonly object? _reference;

    private Value(ValueKind kind, ulong bits, object? reference = null)
    {
        Kind = kind;
        _bits = Vector128.CreateScalar(bits);
        _reference = reference;
    }

    private Value(Vector128<ulong> bits)
    {
        Kind = ValueKind.V128;
        _bits = bits;
    }

    /// <summary>The type.</summary>
    public ValueKind Kind { get; }

    /// <summary>The null reference to a function.</summary>
    public static Value NullFunction => new(ValueKind.FuncRef, 0);

    /// <summary>The null reference to an object of the host.</summary>
    public static Value NullExtern => new(ValueKind.ExternRef, 0);

    internal ulong Bits => _bits.ToScalar();

    /// <summary>An i32.</summary>
    public static Value FromInt32(int value) => new(ValueKind.I32, (uint)value);

    /// <summary>An i64.</summary>
    public static Value FromInt64(long value) => new(ValueKind.I64, (ulong)value);

    /// <summary>An f32.</summary>
    public static Value FromSingle(float value) => new(ValueKind.F32, BitConverter.SingleToUInt32Bits(value));

    /// <summary>An f64.</summary>
    public static Value FromDouble(double value) => new(ValueKind.F64, BitConverter.DoubleToUInt64Bits(value));

    /// <summary>A v128.</summary>
    public static Value FromVector(Vector128<byte> value) => new(value.AsUInt64());

    /// <summary>A reference to a function, or null.</summary>
    public static Value FromFunction(Function? function) => new(ValueKind.FuncRef, 0, function);

    /// <summary>A reference to an object of the host, or null.</summary>
    public static Value FromExtern(object? value) => new(ValueKind.ExternRef, 0, value);

    /// <summary>The value that locals, globals and results of a type start with: zero or null.</summary>
    public static Value Zero(ValueKind kind) => kind == ValueKind.V128 ? new(Vector128<ulong>.Zero) : new(kind, 0);

    /// <summary>Same as <see cref="FromInt32"/>.</summary>
    public static implicit operator Value(int value) => FromInt32(value);

    /// <summary>Same as <see cref="FromInt64"/>.</summary>
    public static implicit operator Value(long value) => FromInt64(value);

    /// <summary>Same as <see cref="FromSingle"/>.</summary>
    public static implicit operator Value(float value) => FromSingle(value);

    /// <summary>Same as <see cref="FromDouble"/>.</summary>
    public static implicit operator Value(double value) => FromDouble(value);

    /// <inheritdoc/>
    public static bool operator ==(Value left, Value right) => left.Equals(right);

    /// <inheritdoc/>
    public static bool operator !=(Value left, Value right) => !left.Equals(right);

    /// <summary>The number of an i32.</summary>
    /// <exception cref="InvalidOperationException">The value has another type.</exception>
    public int ToInt32() => (int)Expect(ValueKind.I32);

    /// <summary>The number of an i64.</summary>
    /// <exception cref="InvalidOperationException">The value has another type.</exception>
    public long ToInt64() => (long)Expect(ValueKind.I64);

    /// <summary>The number of an f32.</summary>
    /// <exception cref="InvalidOperationException">The value has another type.</exception>
    public float ToSingle() => BitConverter.UInt32BitsToSingle((uint)Expect(ValueKind.F32));

    /// <summary>The number of an f64.</summary>
    /// <exception cref="InvalidOperationException">The value has another type.</exception>
    public double ToDouble() => BitConverter.UInt64BitsToDouble(Expect(ValueKind.F64));

    /// <summary>The vector of a v128.</summary>
    /// <exception cref="InvalidOperationException">The value has another type.</exception>
    public Vector128<byte> ToVector()
    {
        Expect(ValueKind.V128);
        return _bits.AsByte();
    }

    /// <summary>The function that a funcref means, or null.</summary>
    /// <exception cref="InvalidOperationException">The value has another type.</exception>
    public Function? ToFunction()
    {
        Expect(ValueKind.FuncRef);
        return (Function?)_reference;
    }

    /// <summary>The object that an externref means, or null.</summary>
    /// <exception cref="InvalidOperationException">The value has another type.</exception>
    public object? ToExtern()
    {
        Expect(ValueKind.ExternRef);
        return _reference;
    }

    /// <summary>Whether type and bits, or the object referred to, are the same.</summary>
    public bool Equals(Value other) => Kind == other.Kind && _bits == other._bits && Equals(_reference, other._reference);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Value other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, _bits, _reference);

    /// <inheritdoc/>
    public override string ToString() => Kind switch
    {
        ValueKind.I32 => $"i32 {ToInt32()}",
        ValueKind.I64 => $"i64 {ToInt64()}",
        ValueKind.F32 => $"f32 {ToSingle()}",
        ValueKind.F64 => $"f64 {ToDouble()}",
        ValueKind.V128 => $"v128 {_bits}",
        ValueKind.FuncRef => _reference is null ? "funcref null" : $"funcref {_reference}",
        _ => _reference is null ? "externref null" : $"externref {_reference}",
    };

    /// <summary>The value without its type: a number in decimal, a vector as 32 hexadecimal digits, <c>null</c> or what a reference refers to.</summary>
    public string ToText() => Kind switch
    {
        ValueKind.I32 => ToInt32().ToString(CultureInfo.InvariantCulture),
        ValueKind.I64 => ToInt64().ToString(CultureInfo.InvariantCulture),
        ValueKind.F32 => ToSingle().ToString(CultureInfo.InvariantCulture),
        ValueKind.F64 => ToDouble().ToString(CultureInfo.InvariantCulture),
        ValueKind.V128 => "0x" + _bits.AsUInt64()[1].ToString("x16", CultureInfo.InvariantCulture) + _bits.AsUInt64()[0].ToString("x16", CultureInfo.InvariantCulture),
        _ => _reference?.ToString() ?? "null",
    };

    internal static Value FromBits(ValueKind kind, ulong bits) => new(kind, bits);

    private ulong Expect(ValueKind kind) =>
        Kind == kind ? _bits.ToScalar() : throw new InvalidOperationException($"The value is {Kind}, not {kind}.");
}
