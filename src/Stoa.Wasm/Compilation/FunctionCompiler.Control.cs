using System.Collections.Immutable;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Validation;

namespace Stoa.Wasm.Compilation;

/// <summary>Blocks, loops, branches.</summary>
internal sealed partial class FunctionCompiler
{
    private Frame[] _frames = new Frame[16];
    private int _frameCount;
    private bool _isReachable = true;
    private Opcode _comparison;
    private int _comparisonStart;
    private int _comparisonEnd = -1;
    private int _skippedBlocks;

    private struct Frame
    {
        public Opcode Opcode;
        public FunctionType Type;

        /// <summary>Operands below the block; its parameters lie above.</summary>
        public int Height;

        /// <summary>Where branches to the block go.</summary>
        public int Label;

        public bool IsLabelUsed;

        /// <summary>Where an <c>if</c> goes when its condition is false.</summary>
        public int ElseLabel;

        /// <summary>A loop that is compiled several times in a row: how many times more, and what they need.</summary>
        public int CopiesLeft;

        public int HeadLabel;
        public int ExitLabel;
        public bool IsExitUsed;
        public int BodyStart;

        /// <summary>Whether a branch to the label goes back.</summary>
        public readonly bool Repeats => Opcode == Opcode.Loop && CopiesLeft == 0;

        public readonly ImmutableArray<ValueKind> LabelTypes => Opcode == Opcode.Loop ? Type.Parameters : Type.Results;
    }

    private ref Frame CurrentFrame => ref _frames[_frameCount - 1];

    private void PushFrame(Opcode opcode, FunctionType type, int elseLabel = -1)
    {
        if (_frameCount == _frames.Length)
            Array.Resize(ref _frames, _frameCount * 2);
        bool isFunction = _frameCount == 0;
        int height = isFunction ? 0 : _height - type.Parameters.Length;
        _frames[_frameCount++] = new Frame { Opcode = opcode, Type = type, Height = height, Label = _il.NewLabel(), ElseLabel = elseLabel };
    }

    private void CompileBlock(Opcode opcode, ref WasmReader reader)
    {
        var type = BlockType.Read(ref reader, _definition);
        Flush();
        PushFrame(opcode, type);
        if (opcode == Opcode.Loop)
            EnterLoop(in reader);
    }

    private void EnterLoop(in WasmReader reader)
    {
        CloseBlock();
        ref var frame = ref CurrentFrame;
        Mark(frame.Label);
        if (_isFrugal)
            return;
        var (copies, isStraight) = LoopUnrolling.Of(reader, _body.Length);
        if (copies == 1)
            return;
        frame.HeadLabel = frame.Label;
        frame.Label = _il.NewLabel();
        frame.ExitLabel = _il.NewLabel();
        frame.CopiesLeft = copies - 1;
        frame.BodyStart = reader.Position;
        if (isStraight && IsMetered)
            _turnsPaid = copies;
    }

    /// <summary>At the end of a loop's body: begins the next copy of it, to which the branches of this one lead.</summary>
    /// <returns>False when this was the last copy, or nothing leads to another.</returns>
    private bool TryRepeatBody(ref WasmReader reader)
    {
        ref var frame = ref CurrentFrame;
        if (frame.CopiesLeft == 0 || !frame.IsLabelUsed)
            return false;
        if (_isReachable)
        {
            Flush();
            if (_turnsPaid > 0)
                EmitRefund(frame.CopiesLeft);
            _il.EmitBranch(Il.Br, frame.ExitLabel);
            frame.IsExitUsed = true;
        }

        CloseBlock();
        Mark(frame.Label);
        frame.CopiesLeft--;
        _isPrepaid = _turnsPaid > 0;
        if (frame.CopiesLeft == 0)
            _turnsPaid = 0;
        frame.Label = frame.CopiesLeft == 0 ? frame.HeadLabel : _il.NewLabel();
        frame.IsLabelUsed = false;
        ResumeAt(frame.Height, frame.Type.Parameters);
        reader.Position = frame.BodyStart;
        return true;
    }

    private void CompileIf(ref WasmReader reader)
    {
        var type = BlockType.Read(ref reader, _definition);
        PopCondition();
        int elseLabel = _il.NewLabel();
        EmitConditional(elseLabel, outcome: false);
        CloseBlock();
        PushFrame(Opcode.If, type, elseLabel);
    }

    /// <summary>Branches when the condition on top is true, or is false.</summary>
    private void EmitConditional(int label, bool outcome)
    {
        if (_comparisonEnd != _il.Length)
        {
            _il.EmitBranch(outcome ? Il.Brtrue : Il.Brfalse, label);
            return;
        }

        // The comparison came last: the branch can do it.
        _il.Rewind(_comparisonStart);
        _il.EmitBranch(ConditionalBranch.Of(_comparison, outcome), label);
    }

    /// <summary>Leaves an i32 alone on the evaluation stack, with the operands below it in their slots.</summary>
    private void PopCondition()
    {
        Pop();
        _poppedDepth = 0;
        if (_operands[_height].IsRotated)
            EmitRotationBarrier(ValueKind.I32);
        if (_height == CurrentFrame.Height)
        {
            _isFlushed = true;
            return;
        }

        int condition = Temporary(ValueKind.I32);
        EmitStloc(condition);
        Flush();
        EmitLdloc(condition);
    }

    private void CompileElse()
    {
        ref var frame = ref CurrentFrame;
        if (_isReachable)
        {
            Flush();
            _il.EmitBranch(Il.Br, frame.Label);
            frame.IsLabelUsed = true;
        }

        CloseBlock();
        Mark(frame.ElseLabel);
        frame.ElseLabel = -1;
        ResumeAt(frame.Height, frame.Type.Parameters);
    }

    private void CompileEnd(ref WasmReader reader)
    {
        ref var frame = ref CurrentFrame;
        if (frame.Opcode == Opcode.Loop && TryRepeatBody(ref reader))
            return;
        bool continues = _isReachable || frame.ElseLabel >= 0 || frame.IsExitUsed || (frame.IsLabelUsed && frame.Opcode != Opcode.Loop);
        if (_isReachable)
            Flush();
        CloseBlock();
        if (frame.ElseLabel >= 0)
            Mark(frame.ElseLabel);
        if (frame.Opcode != Opcode.Loop)
            Mark(frame.Label);
        else if (frame.IsExitUsed)
            Mark(frame.ExitLabel);
        _frameCount--;
        if (continues || _frameCount == 0)
            ResumeAt(frame.Height, frame.Type.Results);
        else
            _height = frame.Height;
        _isReachable = continues;
    }

    private void ResumeAt(int height, ImmutableArray<ValueKind> kinds)
    {
        _height = height;
        foreach (var kind in kinds)
            _operands[_height++].Kind = kind;
        _isFlushed = true;
        _isReachable = true;
    }

    private void CompileBranch(int depth)
    {
        ref var target = ref Target(depth);
        if (IsFunctionEnd(depth) && target.LabelTypes.Length <= 1 && !_isFlushed && _height - target.LabelTypes.Length == CurrentFrame.Height)
        {
            // A return needs no slot.
            EmitLeave();
            _il.Emit(Il.Ret);
        }
        else
        {
            MoveToTarget(in target);
            EmitJump(ref target);
        }

        BecomeUnreachable();
    }

    private void CompileBranchIf(int depth)
    {
        ref var target = ref Target(depth);
        PopCondition();
        target.IsLabelUsed = true;
        if (IsReachedAsIs(in target))
        {
            EmitConditional(target.Label, outcome: true);
        }
        else
        {
            int skip = _il.NewLabel();
            EmitConditional(skip, outcome: false);
            CopyToTarget(in target);
            EmitJump(ref target);
            _il.Mark(skip);
        }

        CloseBlock();
    }

    private void CompileBranchTable(ref WasmReader reader)
    {
        int count = (int)reader.ReadU32();
        var depths = new int[count + 1];
        for (int i = 0; i <= count; i++)
            depths[i] = (int)reader.ReadU32();
        PopCondition();
        var labels = new int[count + 1];
        var copies = new Dictionary<int, int>();
        for (int i = 0; i <= count; i++)
        {
            ref var target = ref Target(depths[i]);
            target.IsLabelUsed = true;
            labels[i] = target.Label;
            if (!IsReachedAsIs(in target))
            {
                if (!copies.TryGetValue(depths[i], out int copy))
                    copies.Add(depths[i], copy = _il.NewLabel());
                labels[i] = copy;
            }
        }

        _il.EmitSwitch(labels.AsSpan(0, count));
        _il.EmitBranch(Il.Br, labels[count]);
        foreach (var (depth, copy) in copies)
        {
            ref var target = ref Target(depth);
            _il.Mark(copy);
            CopyToTarget(in target);
            EmitJump(ref target);
        }

        BecomeUnreachable();
    }

    /// <summary>Whether a branch needs nothing before it: no operands to move, no check of the fuel.</summary>
    private bool IsReachedAsIs(in Frame target) =>
        !IsChecked(in target) && (target.LabelTypes.Length == 0 || target.Height + target.LabelTypes.Length == _height);

    /// <summary>Whether the fuel is compared before a branch: when it goes back, and no function was called on the way that has compared it.</summary>
    private bool IsChecked(in Frame target) => target.Repeats && !_hasLooked;

    private void EmitJump(ref Frame target)
    {
        target.IsLabelUsed = true;
        if (IsChecked(in target))
            EmitRepeat(target.Label);
        else
            _il.EmitBranch(Il.Br, target.Label);
    }

    /// <summary>Control may join here, so nothing is known any more.</summary>
    private void Mark(int label)
    {
        _il.Mark(label);
        _comparisonEnd = -1;
        _hasLooked = false;
        ForgetExtents();
    }

    private ref Frame Target(int depth) => ref _frames[_frameCount - 1 - depth];

    private bool IsFunctionEnd(int depth) => depth == _frameCount - 1;

    /// <summary>Moves the operands that a branch takes along to where its target expects them, and forgets the others.</summary>
    private void MoveToTarget(in Frame target)
    {
        int arity = target.LabelTypes.Length;
        if (_isFlushed)
        {
            CopyToTarget(in target);
            return;
        }

        for (int i = arity - 1; i >= 0; i--)
        {
            _height--;
            EmitStloc(TargetSlot(in target, i));
            NoteSlot(target.Height + i, in _operands[_height]);
        }

        for (; _height > CurrentFrame.Height; _height--)
            _il.Emit(Il.Pop);
    }

    private void CopyToTarget(in Frame target)
    {
        int arity = target.LabelTypes.Length;
        if (target.Height + arity == _height)
            return;
        for (int i = 0; i < arity; i++)
        {
            EmitLdloc(Slot(_height - arity + i));
            EmitStloc(TargetSlot(in target, i));
            NoteSlot(target.Height + i, OfSlot(_height - arity + i));
        }
    }

    private int TargetSlot(in Frame target, int index) => Slot(target.Height + index, target.LabelTypes[index]);

    private void BecomeUnreachable()
    {
        CloseBlock();
        _isReachable = false;
        _isFlushed = true;
        _height = CurrentFrame.Height;
    }

    /// <summary>Passes over code that nothing reaches, up to the <c>else</c> or <c>end</c> of the present block.</summary>
    private void SkipUnreachable(Opcode opcode, ref WasmReader reader)
    {
        switch (opcode)
        {
            case Opcode.Block or Opcode.Loop or Opcode.If:
                BlockType.Read(ref reader, _definition);
                _skippedBlocks++;
                break;
            case Opcode.Else when _skippedBlocks == 0:
                CompileElse();
                break;
            case Opcode.End when _skippedBlocks == 0:
                CompileEnd(ref reader);
                break;
            case Opcode.End:
                _skippedBlocks--;
                break;
            default:
                Immediates.Skip(opcode, ref reader);
                break;
        }
    }

    /// <summary>The end of the function: all results lie in their slots.</summary>
    private void EmitExit()
    {
        if (!_isReachable)
            return;
        for (int i = 1; i < _type.Results.Length; i++)
        {
            EmitContext();
            EmitField(Il.Ldfld, ContextFields.Results);
            _il.EmitConstant((i - 1) * Runtime.Slot.Bytes);
            _il.Emit(Il.Add);
            EmitLdloc(Slot(i));
            EmitValueStore(_type.Results[i]);
        }

        if (_type.Results.Length > 0)
            EmitLdloc(Slot(0));
        EmitLeave();
        _il.Emit(Il.Ret);
    }
}
