namespace Stoa.Wasm.Binary;

/// <summary>Passes over what follows an opcode, in code that is known to be valid.</summary>
internal static class Immediates
{
    public static void Skip(Opcode opcode, ref WasmReader reader)
    {
        if (Instructions.IsMemoryAccess(opcode))
        {
            MemoryOperand.Read(ref reader);
            return;
        }

        switch (opcode)
        {
            case Opcode.Br or Opcode.BrIf or Opcode.Call or Opcode.ReturnCall or Opcode.RefFunc
                or (>= Opcode.LocalGet and <= Opcode.TableSet)
                or Opcode.MemorySize or Opcode.MemoryGrow:
                reader.ReadU32();
                break;
            case Opcode.CallIndirect or Opcode.ReturnCallIndirect:
                reader.ReadU32();
                reader.ReadU32();
                break;
            case Opcode.BrTable:
                for (uint left = reader.ReadU32() + 1; left > 0; left--)
                    reader.ReadU32();
                break;
            case Opcode.SelectTyped:
                for (uint left = reader.ReadU32(); left > 0; left--)
                    reader.ReadByte();
                break;
            case Opcode.RefNull:
                reader.ReadByte();
                break;
            case Opcode.I32Const:
                reader.ReadS32();
                break;
            case Opcode.I64Const:
                reader.ReadS64();
                break;
            case Opcode.F32Const:
                reader.ReadBytes(4);
                break;
            case Opcode.F64Const:
                reader.ReadBytes(8);
                break;
            case Opcode.PrefixFC:
                SkipExtended((ExtendedOpcode)reader.ReadU32(), ref reader);
                break;
            case Opcode.PrefixVector:
                VectorInstructions.SkipImmediates(VectorInstructions.Of(reader.ReadU32()), ref reader);
                break;
            default:
                break;
        }
    }

    private static void SkipExtended(ExtendedOpcode opcode, ref WasmReader reader)
    {
        switch (opcode)
        {
            case ExtendedOpcode.MemoryInit or ExtendedOpcode.MemoryCopy or ExtendedOpcode.TableInit or ExtendedOpcode.TableCopy:
                reader.ReadU32();
                reader.ReadU32();
                break;
            case > ExtendedOpcode.I64TruncSatF64U:
                reader.ReadU32();
                break;
            default:
                break;
        }
    }
}
