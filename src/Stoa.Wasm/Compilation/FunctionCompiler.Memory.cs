using System.Buffers.Binary;
using System.Reflection;
using System.Runtime.InteropServices;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>Loads and stores, and everything else that has to do with memories and tables.</summary>
internal sealed partial class FunctionCompiler
{
    private static readonly MethodInfo s_memoryGrow = Bulk(nameof(BulkOperations.MemoryGrow));

    // One instruction less for the JIT to count.
    private static readonly bool s_allowsUnaligned = RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;

    /// <summary>
    /// From an access at an address, or up to <see cref="FarBytes"/> behind it, the JIT concludes that the address is not null, and drops
    /// a load near it that nobody wants. It concludes nothing from what is before an address, or farther away. So compiled code reckons from an address
    /// this far behind the real one for what is nearer, which takes one byte in an instruction, ...
    /// </summary>
    private const int NearBytes = 128;

    /// <summary>... and this far before the real one for all else.</summary>
    private const int FarBytes = 1 << 16;

    /// <summary>
    /// What an access counts against <see cref="MaxLocalReferences"/>: the most that either way of checking bounds refers to locals. How a function
    /// is compiled decides how much fuel a trap forgets, so it must not depend on the machine.
    /// </summary>
    private const int ReferencesOfAccess = 4;

    /// <summary>The JIT keeps track of about a thousand locals.</summary>
    private const int MaxAddressLocals = 200;

    // For locals that hold addresses: how many bytes from there are known to lie inside the memory.
    private readonly Dictionary<int, long> _extents = [];
    // For locals that hold addresses: the local that holds the real one, where it is known.
    private readonly Dictionary<(int Source, bool IsFar), int> _realAddresses = [];
    private readonly Dictionary<(int Source, bool IsFar), int> _addressLocals = [];
    private int _memoryBase = -1;
    private int _memoryBaseFar = -1;
    private int _touchAt = -1;
    private int _touchBytes;

    private static MethodInfo Bulk(string name) => Thunks.Find(typeof(BulkOperations), name);

    private void CompileMemoryAccess(Opcode opcode, ref WasmReader reader)
    {
        var operand = MemoryOperand.Read(ref reader);
        var access = MemoryAccess.Of(opcode);
        var shape = Instructions.Shapes[(int)opcode];
        if (shape.Second == 0)
        {
            Pop();
            var whole = _hasGuardPages && operand.Memory == 0 ? WholeLoads.Of(shape.Result) : null;
            EmitAddress(operand, access.Bytes, _operands[_height].Source, isShortened: whole is null);
            var origin = whole is null ? TakeTouch(access.Bytes) : EmitWholeLoad(whole, access);
            if (whole is null)
                EmitAccess(access);
            _il.Emit(access.Widen);
            Push(shape.Result, origin);
            return;
        }

        Pop(2);
        if (access.Bytes < (shape.Second is ValueKind.I32 or ValueKind.F32 ? 4 : 8))
            _loads.Shorten(_operands[_height + 1].Origin);
        else
            _loads.Want(_operands[_height + 1].Origin);
        int value = Temporary(shape.Second);
        _il.Emit(access.Widen);
        if (access.Bytes > 1 && !BitConverter.IsLittleEndian)
            EmitCall(access.Reverse!);
        EmitStloc(value);
        EmitAddress(operand, access.Bytes, _operands[_height].Source, isShortened: false);
        EmitLdloc(value);
        EmitAccess(access);
    }

    /// <summary>
    /// Replaces a guest's address on the evaluation stack by the real one, of an access that traps unless it lies wholly inside the memory.
    /// The one place that knows how bounds are checked.
    /// </summary>
    /// <param name="operand">The memory, and what is added to the address.</param>
    /// <param name="bytes">How many bytes are accessed.</param>
    /// <param name="source">The local that the address was copied from, or -1.</param>
    /// <param name="isShortened">Whether the JIT may access fewer bytes, if it finds fewer wanted.</param>
    private void EmitAddress(MemoryOperand operand, int bytes, int source, bool isShortened)
    {
        _touchAt = -1;
        int references = _localReferences;
        EmitCheckedAddress(operand, bytes, source, isShortened);
        _localReferences = references + ReferencesOfAccess;
    }

    private void EmitCheckedAddress(MemoryOperand operand, int bytes, int source, bool isShortened)
    {
        _il.Emit(Il.ConvU);
        if (operand.Memory > 0)
        {
            EmitAddressOfFurther(operand, bytes);
            return;
        }

        uint offset = operand.Offset;
        bool isGuarded = _hasGuardPages && offset < GuardPages.OffsetReach;
        bool isInside = IsWithinExtent(source, offset + (long)bytes);
        if (!isGuarded && !isInside)
            EmitBoundsCheck(operand, bytes);
        bool isFar = _hasGuardPages && offset + (long)bytes > NearBytes;
        EmitRealAddress(source, isFar);
        long distance = !_hasGuardPages ? offset : isFar ? offset + FarBytes : (long)offset - NearBytes;
        if (isGuarded && !isInside && isShortened && bytes > 1)
            EmitTouch(distance + bytes - 1);
        if (distance != 0)
        {
            EmitNativeConstant(distance);
            _il.Emit(Il.Add);
        }
    }

    /// <summary>
    /// Replaces an address, widened already, by the real one, from which an access is <see cref="NearBytes"/> less or <see cref="FarBytes"/> more away
    /// than its offset where there are guard pages. That of a local is kept for the next access by it.
    /// </summary>
    private void EmitRealAddress(int source, bool isFar)
    {
        var key = (source, isFar);
        if (source >= 0 && _realAddresses.TryGetValue(key, out int known))
        {
            _il.Emit(Il.Pop);
            EmitLdloc(known);
            return;
        }

        EmitLdloc(isFar ? _memoryBaseFar : _memoryBase);
        _il.Emit(Il.Add);
        if (source < 0)
            return;
        if (!_addressLocals.TryGetValue(key, out int local))
        {
            if (_addressLocals.Count == MaxAddressLocals)
                return;
            _addressLocals.Add(key, local = NewLocal(Il.TypeI));
        }

        EmitStloc(local);
        EmitLdloc(local);
        _realAddresses.Add(key, local);
    }

    /// <remarks>
    /// (address + offset + bytes) + ~size, in 64 bits, overflows just when the access is out of bounds. The JIT makes an addition and
    /// a jump of the checked operation, without ending its basic block as a branch would.
    /// Memories never shrink: what was inside once needs no check again.
    /// </remarks>
    private void EmitBoundsCheck(MemoryOperand operand, int bytes)
    {
        _il.Emit(Il.Dup);
        EmitNativeConstant(operand.Offset + (long)bytes);
        _il.Emit(Il.Add);
        EmitSizeComplement(operand.Memory);
        _il.Emit([Il.AddOvfUn, Il.Pop]);
    }

    /// <summary>Where compiled code adds its addresses to: the base of a memory never moves.</summary>
    private void EmitMemoryBases()
    {
        _memoryBase = NewLocal(Il.TypeI);
        _memoryBaseFar = NewLocal(Il.TypeI);
        int references = _localReferences;
        EmitMemoryBase(_memoryBase, _hasGuardPages ? NearBytes : 0);
        if (_hasGuardPages)
            EmitMemoryBase(_memoryBaseFar, -FarBytes);
        _localReferences = references + ReferencesOfAccess;
    }

    private void EmitMemoryBase(int local, int distance)
    {
        EmitContext();
        EmitField(Il.Ldfld, ContextFields.MemoryBase);
        if (distance != 0)
        {
            _il.EmitConstant(distance);
            _il.Emit(Il.Add);
        }

        EmitStloc(local);
    }

    /// <summary>Reads the last byte of a load, at a distance from the address on top, which stays there.</summary>
    /// <remarks>
    /// The JIT loads only as many bytes as it finds used: one of a masked integer, four of a number that nobody wants. At the end of
    /// the memory the shortened load would not meet the guard page. A byte cannot be shortened.
    /// </remarks>
    private void EmitTouch(long distance)
    {
        _touchAt = _il.Length;
        _il.Emit(Il.Dup);
        EmitNativeConstant(distance);
        _il.Emit([Il.Add, Il.LdindU1, Il.Pop]);
        _touchBytes = _il.Length - _touchAt;
    }

    /// <summary>What is known of the load whose address was just emitted; nothing when it has no touch that might be needless.</summary>
    private PartialLoads.Origin TakeTouch(int bytes)
    {
        if (_touchAt < 0)
            return default;
        var plain = new PartialLoads.Replacement(_touchAt, _touchBytes, Il.Nop);
        _touchAt = -1;
        return _loads.Add(plain, isWide: bytes == 8);
    }

    private PartialLoads.Origin EmitWholeLoad(MethodInfo load, MemoryAccess access)
    {
        int at = _il.Length;
        EmitCall(load);
        return _loads.Add(new(at, _il.Length - at, access.Indirect), isWide: access.Bytes == 8);
    }

    private void MakeWholeLoadsPlain()
    {
        foreach (var (at, length, opcode) in _loads.Whole())
            _il.Overwrite(at, length, opcode);
    }

    /// <summary>Comes before the opcode of a store.</summary>
    /// <remarks>
    /// The JIT makes one store of two that are neighbours. Where the second is out of bounds the first would then be lost, which has to be
    /// seen after the trap. It leaves volatile stores alone, and on x64 they are like all others.
    /// </remarks>
    private void EmitStorePrefix()
    {
        if (_hasGuardPages)
            _il.Emit([Il.Prefix, Il.Volatile]);
    }

    /// <summary>Whether bytes up to a distance from the address in a local are known to be inside; if not, they are from now on.</summary>
    private bool IsWithinExtent(int local, long extent)
    {
        if (local < 0)
            return false;
        if (_extents.TryGetValue(local, out long known) && known >= extent)
            return true;
        _extents[local] = extent;
        return false;
    }

    private void ForgetExtents()
    {
        _extents.Clear();
        _realAddresses.Clear();
    }

    /// <summary>A local has got another value: operands that were copied from it say nothing about it any more.</summary>
    private void ForgetLocal(int local)
    {
        _extents.Remove(local);
        _realAddresses.Remove((local, false));
        _realAddresses.Remove((local, true));
        for (int i = CurrentFrame.Height; i < _height; i++)
        {
            if (_operands[i].Source == local)
                _operands[i].Source = -1;
        }
    }

    private void EmitNativeConstant(long value)
    {
        if (value is >= int.MinValue and <= int.MaxValue)
        {
            // An int32 and a native int may be added as they are.
            _il.EmitConstant((int)value);
        }
        else
        {
            _il.EmitConstant(value);
            _il.Emit(Il.ConvI);
        }
    }

    private void EmitAccess(MemoryAccess access)
    {
        if (access.Bytes > 1 && !s_allowsUnaligned)
            _il.Emit([Il.Prefix, Il.Unaligned, 1]);
        if (access.IsStore)
            EmitStorePrefix();
        _il.Emit(access.Indirect);
        if (access is { IsStore: false, Bytes: > 1 } && !BitConverter.IsLittleEndian)
            EmitCall(access.Reverse!);
    }

    private void CompileMemorySize(int memory)
    {
        EnsureLoaded();
        EmitSizeComplement(memory);
        _il.Emit([Il.Not, Il.LdcI4_S, 16, Il.ShrUn, Il.ConvI4]);
        Push(ValueKind.I32);
    }

    private void CompileTableAccess(Opcode opcode, int table)
    {
        var element = _definition.Tables[table].Element;
        if (opcode == Opcode.TableGet)
            CompileRuntimeCall(Bulk(nameof(BulkOperations.TableGet)), 1, element, table);
        else
            CompileRuntimeCall(Bulk(nameof(BulkOperations.TableSet)), 2, null, table);
    }

    private void CompileExtended(ExtendedOpcode opcode, ref WasmReader reader)
    {
        switch (opcode)
        {
            case <= ExtendedOpcode.I64TruncSatF64U:
                Pop();
                EmitNumeric(NumericCode.Of(opcode));
                Push(Instructions.SaturatingConversion(opcode).Result);
                break;
            case ExtendedOpcode.MemoryInit:
                int data = (int)reader.ReadU32();
                CompileRuntimeCall(Bulk(nameof(BulkOperations.MemoryInit)), 3, null, data, (int)reader.ReadU32());
                break;
            case ExtendedOpcode.DataDrop:
                CompileRuntimeCall(Bulk(nameof(BulkOperations.DataDrop)), 0, null, (int)reader.ReadU32());
                break;
            case ExtendedOpcode.MemoryCopy:
                int target = (int)reader.ReadU32();
                CompileRuntimeCall(Bulk(nameof(BulkOperations.MemoryCopy)), 3, null, target, (int)reader.ReadU32());
                break;
            case ExtendedOpcode.MemoryFill:
                CompileRuntimeCall(Bulk(nameof(BulkOperations.MemoryFill)), 3, null, (int)reader.ReadU32());
                break;
            case ExtendedOpcode.TableInit:
                int segment = (int)reader.ReadU32();
                CompileRuntimeCall(Bulk(nameof(BulkOperations.TableInit)), 3, null, segment, (int)reader.ReadU32());
                break;
            case ExtendedOpcode.ElemDrop:
                CompileRuntimeCall(Bulk(nameof(BulkOperations.ElemDrop)), 0, null, (int)reader.ReadU32());
                break;
            case ExtendedOpcode.TableCopy:
                int destination = (int)reader.ReadU32();
                CompileRuntimeCall(Bulk(nameof(BulkOperations.TableCopy)), 3, null, destination, (int)reader.ReadU32());
                break;
            case ExtendedOpcode.TableGrow:
                CompileRuntimeCall(Bulk(nameof(BulkOperations.TableGrow)), 2, ValueKind.I32, (int)reader.ReadU32());
                break;
            case ExtendedOpcode.TableSize:
                CompileRuntimeCall(Bulk(nameof(BulkOperations.TableSize)), 0, ValueKind.I32, (int)reader.ReadU32());
                break;
            default:
                CompileRuntimeCall(Bulk(nameof(BulkOperations.TableFill)), 3, null, (int)reader.ReadU32());
                break;
        }
    }

    /// <summary>Calls a part of the runtime with operands, then fixed numbers, then the context.</summary>
    private void CompileRuntimeCall(MethodInfo method, int operands, ValueKind? result, params ReadOnlySpan<int> numbers)
    {
        Pop(operands);
        EmitFuelStore();
        foreach (int number in numbers)
            _il.EmitConstant(number);
        EmitContext();
        EmitCall(method);
        EmitFuelLoad();
        if (result is { } kind)
            Push(kind);
    }
}

/// <summary>How a load or store touches memory.</summary>
/// <param name="Bytes">How many bytes.</param>
/// <param name="Indirect">The opcode that touches them.</param>
/// <param name="Widen">What makes the value of the instruction's type; for a store, what makes the value to store.</param>
/// <param name="IsStore">Whether it stores.</param>
/// <param name="Reverse">Swaps the bytes of the value, for big-endian machines.</param>
internal readonly record struct MemoryAccess(int Bytes, byte Indirect, byte[] Widen, bool IsStore, MethodInfo? Reverse)
{
    private static readonly MemoryAccess[] s_all =
    [
        Load(4, Il.LdindI4, typeof(int)), Load(8, Il.LdindI8, typeof(long)),
        Load(4, Il.LdindR4, typeof(float)), Load(8, Il.LdindR8, typeof(double)),
        Load(1, Il.LdindI1, null), Load(1, Il.LdindU1, null), Load(2, Il.LdindI2, typeof(short)), Load(2, Il.LdindU2, typeof(ushort)),
        Load(1, Il.LdindI1, null, Il.ConvI8), Load(1, Il.LdindU1, null, Il.ConvU8),
        Load(2, Il.LdindI2, typeof(short), Il.ConvI8), Load(2, Il.LdindU2, typeof(ushort), Il.ConvU8),
        Load(4, Il.LdindI4, typeof(int), Il.ConvI8), Load(4, Il.LdindU4, typeof(uint), Il.ConvU8),
        Store(4, Il.StindI4, typeof(int)), Store(8, Il.StindI8, typeof(long)),
        Store(4, Il.StindR4, typeof(float)), Store(8, Il.StindR8, typeof(double)),
        Store(1, Il.StindI1, null), Store(2, Il.StindI2, typeof(short)),
        Store(1, Il.StindI1, null), Store(2, Il.StindI2, typeof(short)), Store(4, Il.StindI4, typeof(int)),
    ];

    public static MemoryAccess Of(Opcode opcode) => s_all[(int)opcode - (int)Opcode.I32Load];

    private static MemoryAccess Load(int bytes, byte indirect, Type? type, params byte[] widen) =>
        new(bytes, indirect, widen, false, Reversal(type));

    private static MemoryAccess Store(int bytes, byte indirect, Type? type) => new(bytes, indirect, [], true, Reversal(type));

    private static MethodInfo? Reversal(Type? type)
    {
        if (type is null)
            return null;
        if (type == typeof(float) || type == typeof(double))
            return Thunks.Find(typeof(ByteOrder), type == typeof(float) ? nameof(ByteOrder.ReverseSingle) : nameof(ByteOrder.ReverseDouble));
        return typeof(BinaryPrimitives).GetMethod(nameof(BinaryPrimitives.ReverseEndianness), [type]);
    }
}
