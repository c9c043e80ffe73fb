namespace Stoa.Wasm.Binary;

/// <summary>Decodes and validates constant expressions (core specification 2.0, 3.3.10; with the feature, as of 3.0).</summary>
internal ref struct ConstantDecoder
{
    private readonly ModuleDefinition _module;
    private readonly EngineOptions _options;
    private readonly ValueKind _expected;
    private int _height;
    private bool _mismatches;

    private ConstantDecoder(ModuleDefinition module, EngineOptions options, ValueKind expected)
    {
        _module = module;
        _options = options;
        _expected = expected;
    }

    private readonly bool IsExtended => (_options.Features & WasmFeatures.ExtendedConstantExpressions) != 0;

    /// <summary>Reads an expression that has to yield a value of a type.</summary>
    public static ConstantExpression Read(ref WasmReader reader, ModuleDefinition module, EngineOptions options, ValueKind expected) =>
        new ConstantDecoder(module, options, expected).Read(ref reader);

    /// <remarks>
    /// What an instruction takes and gives is of one type, so all the values in a valid expression are of the type of its result: a number
    /// of operands is all that has to be remembered.
    /// </remarks>
    private ConstantExpression Read(ref WasmReader reader)
    {
        int start = reader.Position;
        ConstantExpression value = default;
        for (int instructions = 0; ; instructions++)
        {
            int at = reader.Position;
            var opcode = (Opcode)reader.ReadByte();
            if (opcode == Opcode.End)
            {
                if (_height != 1 || _mismatches || (instructions > 1 && !IsExtended))
                    Forms.Invalid("type mismatch", start);
                return instructions == 1 ? value : new(ConstantKind.Computed, _expected, (uint)start);
            }

            if (IsExtended && IsArithmetic(opcode))
            {
                _mismatches |= Instructions.Shapes[(int)opcode].Result != _expected || _height < 2;
                _height--;
                continue;
            }

            value = ReadValue(ref reader, opcode, at);
            _mismatches |= value.Type != _expected;
            if (++_height > _options.MaxOperands)
                Forms.Exceeded($"more than {_options.MaxOperands} operands on the stack", at);
        }
    }

    private static bool IsArithmetic(Opcode opcode) =>
        opcode is (>= Opcode.I32Add and <= Opcode.I32Mul) or (>= Opcode.I64Add and <= Opcode.I64Mul);

    private readonly ConstantExpression ReadValue(ref WasmReader reader, Opcode opcode, int at)
    {
        switch (opcode)
        {
            case Opcode.I32Const:
                return new(ConstantKind.Number, ValueKind.I32, (uint)reader.ReadS32());
            case Opcode.I64Const:
                return new(ConstantKind.Number, ValueKind.I64, (ulong)reader.ReadS64());
            case Opcode.F32Const:
                return new(ConstantKind.Number, ValueKind.F32, reader.ReadF32Bits());
            case Opcode.F64Const:
                return new(ConstantKind.Number, ValueKind.F64, reader.ReadF64Bits());
            case Opcode.RefNull:
                return new(ConstantKind.Number, Forms.ReadReferenceKind(ref reader), 0);
            case Opcode.RefFunc:
                uint function = reader.ReadU32();
                if (function >= (uint)_module.FunctionTypes.Count)
                    Forms.Invalid("unknown function", at);
                _module.ReferencedFunctions.Add((int)function);
                return new(ConstantKind.Function, ValueKind.FuncRef, function);
            case Opcode.GlobalGet:
                // A global is added when its own expression has been read, so those that are known come before.
                uint global = reader.ReadU32();
                if (global >= (uint)(IsExtended ? _module.Globals.Count : _module.ImportedGlobals))
                    Forms.Invalid("unknown global", at);
                if (_module.Globals[(int)global].IsMutable)
                    Forms.Invalid("constant expression required", at);
                return new(ConstantKind.Global, _module.Globals[(int)global].Content, global);
            case Opcode.PrefixVector:
                uint vector = reader.ReadU32();
                if (!VectorInstructions.Of(vector).IsKnown)
                    WasmReader.Malformed("illegal opcode", at);
                if (vector != (uint)VectorOpcode.V128Const)
                    Forms.Invalid("constant expression required", at);
                return new(ConstantKind.Number, ValueKind.V128, Forms.ReadVector(ref reader));
            default:
                if (!Instructions.IsKnown(opcode))
                    WasmReader.Malformed("illegal opcode", at);
                Forms.Invalid("constant expression required", at);
                return default;
        }
    }
}
