using Stoa.Wasm.Binary;
using static Stoa.Wasm.ValueKind;

namespace Stoa.Wasm.Fuzz.Generation;

/// <summary>An instruction that takes operands and gives a value, or touches memory: one row of the generator's tables.</summary>
/// <param name="Code">Its opcode, with prefix.</param>
/// <param name="Operands">What it takes, the first first.</param>
/// <param name="Result">What it gives; no kind (0) for a store.</param>
/// <param name="NaN">Which bits of the result may differ between engines.</param>
/// <param name="Hazard">How it may trap.</param>
/// <param name="AccessBytes">How much memory it touches; 0 for none.</param>
/// <param name="Lanes">How many lanes its lane index chooses from; 0 without one.</param>
/// <param name="IsShuffle">Whether sixteen lane indices follow.</param>
internal sealed record Production(
    byte[] Code, ValueKind[] Operands, ValueKind Result, NaNLanes NaN, Hazard Hazard, int AccessBytes, int Lanes, bool IsShuffle)
{
    /// <summary>Everything that gives a value without touching memory.</summary>
    public static IReadOnlyList<Production> Values { get; } = [.. Scalars().Concat(Saturations()).Concat(Vectors()).Where(p => p.AccessBytes == 0)];

    /// <summary>The same by their results.</summary>
    public static IReadOnlyDictionary<ValueKind, Production[]> ByResult { get; } = Values.GroupBy(row => row.Result).ToDictionary(rows => rows.Key, rows => rows.ToArray());

    public static IReadOnlyList<Production> Loads { get; } =
        [.. Scalars().Concat(Vectors()).Where(production => production.AccessBytes > 0 && production.Result != 0)];

    public static IReadOnlyDictionary<ValueKind, Production[]> LoadsByResult { get; } = Loads.GroupBy(row => row.Result).ToDictionary(rows => rows.Key, rows => rows.ToArray());

    public static IReadOnlyList<Production> Stores { get; } =
        [.. Scalars().Concat(Vectors()).Where(production => production.AccessBytes > 0 && production.Result == 0)];

    public bool IsVector => Result == V128 || Operands.Contains(V128);

    private static IEnumerable<Production> Scalars() =>
        from opcode in Enum.GetValues<Opcode>()
        let shape = Instructions.Shapes[(int)opcode]
        where shape.IsPlain
        let isAccess = Instructions.IsMemoryAccess(opcode)
        select new Production(
            [(byte)opcode],
            shape.Second == 0 ? [shape.First] : [shape.First, shape.Second],
            shape.Result,
            NaNOf(opcode),
            HazardOf(opcode),
            isAccess ? 1 << shape.NaturalAlignment : 0,
            0,
            false);

    private static IEnumerable<Production> Saturations() =>
        from opcode in Enum.GetValues<ExtendedOpcode>()
        where opcode <= ExtendedOpcode.I64TruncSatF64U
        let conversion = Instructions.SaturatingConversion(opcode)
        select new Production([(byte)Opcode.PrefixFC, (byte)opcode], [conversion.Source], conversion.Result, NaNLanes.None, Hazard.None, 0, 0, false);

    private static IEnumerable<Production> Vectors()
    {
        foreach (var opcode in Enum.GetValues<VectorOpcode>())
        {
            var shape = VectorInstructions.Of(opcode);

            // What V8 makes of relaxed instructions depends on the processor.
            if (opcode == VectorOpcode.V128Const || VectorInstructions.IsRelaxed(opcode))
                continue;
            var code = new CodeWriter();
            code.Op(opcode);
            ValueKind[] operands = [.. new[] { shape.First, shape.Second, shape.Third }.Where(kind => kind != 0)];
            yield return new Production(
                code.ToArray(), operands, shape.Result, NaNOf(opcode), Hazard.None, shape.AccessBytes, shape.Lanes, opcode == VectorOpcode.I8x16Shuffle);
        }
    }

    private static NaNLanes NaNOf(Opcode opcode) => opcode switch
    {
        (>= Opcode.F32Ceil and <= Opcode.F32Max) or Opcode.F32DemoteF64 => NaNLanes.Single,
        (>= Opcode.F64Ceil and <= Opcode.F64Max) or Opcode.F64PromoteF32 => NaNLanes.Double,
        _ => NaNLanes.None,
    };

    private static NaNLanes NaNOf(VectorOpcode opcode) => opcode switch
    {
        (>= VectorOpcode.F32x4Ceil and <= VectorOpcode.F32x4Nearest) or (>= VectorOpcode.F32x4Sqrt and <= VectorOpcode.F32x4Max)
            or VectorOpcode.F32x4DemoteF64x2Zero => NaNLanes.Singles,
        VectorOpcode.F64x2Ceil or VectorOpcode.F64x2Floor or VectorOpcode.F64x2Trunc or VectorOpcode.F64x2Nearest
            or (>= VectorOpcode.F64x2Sqrt and <= VectorOpcode.F64x2Max) or VectorOpcode.F64x2PromoteLowF32x4 => NaNLanes.Doubles,
        _ => NaNLanes.None,
    };

    private static Hazard HazardOf(Opcode opcode) => opcode switch
    {
        (>= Opcode.I32DivS and <= Opcode.I32RemU) or (>= Opcode.I64DivS and <= Opcode.I64RemU) => Hazard.Division,
        (>= Opcode.I32TruncF32S and <= Opcode.I32TruncF64U) or (>= Opcode.I64TruncF32S and <= Opcode.I64TruncF64U) => Hazard.Conversion,
        _ => Hazard.None,
    };
}

/// <summary>Where in a value the specification leaves the bits of a NaN open.</summary>
internal enum NaNLanes
{
    None,
    Single,
    Double,
    Singles,
    Doubles,
}

/// <summary>How an instruction may trap, other than by its address.</summary>
internal enum Hazard
{
    None,
    Division,
    Conversion,
}
