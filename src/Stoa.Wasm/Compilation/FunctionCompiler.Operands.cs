namespace Stoa.Wasm.Compilation;

/// <summary>The operands of the present block, where they lie, and what is known of them.</summary>
internal sealed partial class FunctionCompiler
{
    /// <summary>Operands of operands of operands ... beyond this depth go through a local, so the JIT never recurses deeply.</summary>
    private const int MaxTreeDepth = 48;

    private int _height;
    private bool _isFlushed;
    private int _poppedDepth;

    /// <summary>What is known of an operand. That of one just taken can still be read at its height.</summary>
    private struct Operand
    {
        public ValueKind Kind;

        /// <summary>How many operations lie in each other to compute it, since a value was last read from a local.</summary>
        public byte TreeDepth;

        /// <summary>Whether it may be the very result of a rotation.</summary>
        public bool IsRotated;

        /// <summary>Whether it is made of nothing but constants that stand in the code, so that the JIT computes it when it reads them.</summary>
        public bool IsLiteral;

        /// <summary>The number, when it is the integer constant that was just pushed; else null.</summary>
        public long? Constant;

        /// <summary>The local that it was copied from and that still has its value, or -1.</summary>
        public int Source;

        /// <summary>The loads that it is made of.</summary>
        public PartialLoads.Origin Origin;
    }

    private int Slot(int height) => Slot(height, _operands[height].Kind);

    private int Slot(int height, ValueKind kind)
    {
        ref int local = ref _slots[(height * KindCount) + KindIndex(kind)];
        if (local < 0)
            local = NewLocal(Il.TypeOf(kind));
        return local;
    }

    /// <summary>Brings the operands of the present block from their slots to the evaluation stack.</summary>
    private void EnsureLoaded()
    {
        if (!_isFlushed)
            return;
        _isFlushed = false;
        for (int i = CurrentFrame.Height; i < _height; i++)
        {
            EmitLdloc(Slot(i));
            _operands[i] = OfSlot(i);
        }
    }

    /// <summary>Brings the operands of the present block from the evaluation stack to their slots.</summary>
    private void Flush()
    {
        if (_isFlushed)
            return;
        _isFlushed = true;
        for (int i = _height - 1; i >= CurrentFrame.Height; i--)
        {
            EmitStloc(Slot(i));
            NoteSlot(i, in _operands[i]);
        }
    }

    /// <summary>Takes operands, which from here on lie on the evaluation stack.</summary>
    private void Pop(int count = 1)
    {
        EnsureLoaded();
        for (; count > 0; count--)
        {
            _height--;
            _poppedDepth = Math.Max(_poppedDepth, _operands[_height].TreeDepth);
        }
    }

    /// <summary>Counts what the code just emitted has left on the evaluation stack.</summary>
    private void Push(ValueKind kind, PartialLoads.Origin origin = default, bool isRotated = false, int source = -1)
    {
        int depth = _poppedDepth + 1;
        _poppedDepth = 0;
        if (depth >= MaxTreeDepth)
        {
            int local = Temporary(kind);
            EmitStloc(local);
            EmitLdloc(local);
            depth = 0;
        }

        ref var operand = ref _operands[_height++];
        operand.Kind = kind;
        operand.TreeDepth = (byte)depth;
        operand.IsRotated = isRotated;
        operand.IsLiteral = false;
        operand.Constant = null;
        operand.Source = source;
        operand.Origin = origin;
    }

    /// <summary>Counts the value of a local, which lies on the evaluation stack.</summary>
    private void PushLocal(int local) => Push(_localKinds[local], _loads.OfLocal(local), _rotatedLocals.Contains(local), local);

    /// <summary>The operand just taken has become the value of a local.</summary>
    private void NoteLocal(int local)
    {
        ForgetLocal(local);
        if (_operands[_height].IsRotated)
            _rotatedLocals.Add(local);
        _loads.Join(_loads.OfLocal(local), _operands[_height].Origin);
    }

    /// <summary>An operand is put into a slot, by one of the ways that lead to where it is read.</summary>
    private void NoteSlot(int height, in Operand operand)
    {
        if (operand.IsRotated)
            _rotatedSlots.Add(height);
        _loads.Join(_loads.OfSlot(height), operand.Origin);
    }

    /// <summary>What is known of the operand in a slot, by all ways that lead here.</summary>
    private Operand OfSlot(int height) => new()
    {
        Kind = _operands[height].Kind,
        IsRotated = _rotatedSlots.Contains(height),
        Source = -1,
        Origin = _loads.OfSlot(height),
    };
}
