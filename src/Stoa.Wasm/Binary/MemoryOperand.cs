namespace Stoa.Wasm.Binary;

/// <summary>What follows the opcode of a load or store: the memory it is of, and what is added to its address (core specification 3.0, section 5.4.6).</summary>
internal readonly record struct MemoryOperand(uint Alignment, int Memory, uint Offset)
{
    /// <summary>The flag that says that the index of a memory follows; without it memory 0 is meant.</summary>
    public const uint HasMemory = 0x40;

    /// <summary>Reads an operand in code that is known to be valid.</summary>
    public static MemoryOperand Read(ref WasmReader reader)
    {
        uint flags = reader.ReadU32();
        int memory = (flags & HasMemory) != 0 ? (int)reader.ReadU32() : 0;
        return new MemoryOperand(flags & ~HasMemory, memory, reader.ReadU32());
    }
}
