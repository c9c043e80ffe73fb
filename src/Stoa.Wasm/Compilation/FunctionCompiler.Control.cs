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

        /// <summary>Whether something other than a table of branches goes there.</summary>
        public bool IsLikely;

        /// <summary>Where those go that have paid for what comes there, and which they are.</summary>
        public int PaidLabel;

        public List<int>? Payers;

        /// <summary>
        /// Of a loop: what pays for its head. Of another block: what pays for what comes behind it, because that is certain to run; -1
        /// when it is not.
        /// </summary>
        public int Account;

        /// <summary>Those that leave the block another way, although what comes behind it was paid for.</summary>
        public List<int>? PaidBack;

        /// <summary>Where an <c>if</c> goes when its condition is false.</summary>
        public int ElseLabel;

        /// <summary>A loop that is compiled several times in a row: how many times more, and what they need.</summary>
        public int CopiesLeft;

        public int HeadLabel;
        public int ExitLabel;
        public List<int>? ExitPayers;
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
        int account = -1;
        if (IsMetered && !isFunction && opcode != Opcode.Loop)
        {
            account = OpenBlock();
            _guarded.Add(_frameCount);
        }

        _frames[_frameCount++] = new Frame
        {
            Opcode = opcode,
            Type = type,
            Height = height,
            Label = _il.NewLabel(),
            PaidLabel = -1,
            Account = account,
            ElseLabel = elseLabel,
        };
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
        ref var frame = ref CurrentFrame;
        var (copies, paysAhead) = _isFrugal ? default : LoopUnrolling.Of(reader, _body.Length);
        if (!IsMetered)
        {
            Mark(frame.Label);
        }
        else if (paysAhead)
        {
            // Each turn pays at its start, after the fuel was compared.
            _payingAhead = _frameCount - 1;
            Mark(frame.Label);
            CloseBlock();
            frame.Account = OpenBlock();
        }
        else
        {
            // Whatever goes back pays.
            frame.Account = _account = _accounts.NewShared(OpenBlock());
            Mark(frame.Label);
        }

        if (copies <= 1)
            return;
        frame.HeadLabel = frame.Label;
        frame.Label = _il.NewLabel();
        frame.ExitLabel = _il.NewLabel();
        frame.CopiesLeft = copies - 1;
        frame.BodyStart = reader.Position;
    }

    /// <summary>At the end of a loop's body: begins the next copy of it, to which the branches of this one lead.</summary>
    /// <returns>False when this was the last copy, or nothing leads to another.</returns>
    private bool TryRepeatBody(ref WasmReader reader)
    {
        ref var frame = ref CurrentFrame;
        if (frame.CopiesLeft == 0 || (!frame.IsLabelUsed && frame.PaidLabel < 0))
            return false;
        if (_isReachable)
        {
            Flush();
            if (IsMetered)
                (frame.ExitPayers ??= []).Add(OpenBlock());
            _il.EmitBranch(Il.Br, frame.ExitLabel);
            frame.IsExitUsed = true;
            BecomeUnreachable();
        }

        Join(in frame);
        frame.CopiesLeft--;
        frame.Label = frame.CopiesLeft == 0 ? frame.HeadLabel : _il.NewLabel();
        frame.IsLabelUsed = frame.IsLikely = false;
        frame.PaidLabel = -1;
        frame.Payers = null;
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
        PushFrame(Opcode.If, type, elseLabel);
        CloseBlock();
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
            EmitJump(0, IsMetered ? OpenBlock() : -1);
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
        if (_isReachable)
            Flush();
        bool continues;
        if (frame.Opcode == Opcode.Loop)
        {
            continues = _isReachable || frame.IsExitUsed;
            LeaveLoop(in frame);
        }
        else
        {
            continues = _isReachable || frame.ElseLabel >= 0 || frame.IsLabelUsed || frame.PaidLabel >= 0;
            Join(in frame);
        }

        _frameCount--;
        if (_guarded.Count > 0 && _guarded[^1] == _frameCount)
            _guarded.RemoveAt(_guarded.Count - 1);
        if (continues || _frameCount == 0)
            ResumeAt(frame.Height, frame.Type.Results);
        else
            _height = frame.Height;
        _isReachable = continues;
    }

    private void LeaveLoop(in Frame frame)
    {
        _payingAhead = -1;
        if (!frame.IsExitUsed)
            return;
        if (IsMetered)
        {
            if (_isReachable)
                frame.ExitPayers!.Add(OpenBlock());
            _account = _accounts.NewShared(frame.ExitPayers!);
        }

        Mark(frame.ExitLabel);
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
            Escape(0, _account);
            EmitLeave();
            _il.Emit(Il.Ret);
        }
        else
        {
            MoveToTarget(in target);
            EmitJump(depth, _account);
        }

        BecomeUnreachable();
    }

    private void CompileBranchIf(int depth)
    {
        ref var target = ref Target(depth);
        PopCondition();
        if (!IsReachedAsIs(in target))
        {
            int skip = _il.NewLabel();
            EmitConditional(skip, outcome: false);
            CopyToTarget(in target);
            EmitJump(depth, IsMetered ? EmitPayment() : -1);
            _il.Mark(skip);
            CloseBlock();
        }
        else if (IsMetered && _payingAhead >= 0 && _frameCount - 1 - depth < _payingAhead)
        {
            EmitLikelyStay(depth);
        }
        else if (IsMetered && _payingAhead >= 0 && _frameCount - 1 - depth == _payingAhead && target.CopiesLeft > 0)
        {
            EmitContinue(depth);
        }
        else
        {
            target.IsLabelUsed = target.IsLikely = true;
            Escape(_frameCount - 1 - depth, -1);
            EmitConditional(target.Label, outcome: true);
            CloseBlock();
        }
    }

    private void CompileBranchTable(ref WasmReader reader)
    {
        int count = (int)reader.ReadU32();
        var depths = new int[count + 1];
        for (int i = 0; i <= count; i++)
            depths[i] = (int)reader.ReadU32();
        PopCondition();
        Escape(_frameCount - 1 - depths.Max(), -1);
        var labels = new int[count + 1];
        var copies = new Dictionary<int, int>();
        for (int i = 0; i <= count; i++)
        {
            ref var target = ref Target(depths[i]);
            labels[i] = target.Label;
            if (IsReachedAsIs(in target))
            {
                target.IsLabelUsed = true;
                continue;
            }

            if (!copies.TryGetValue(depths[i], out int copy))
                copies.Add(depths[i], copy = _il.NewLabel());
            labels[i] = copy;
        }

        _il.EmitSwitch(labels.AsSpan(0, count));
        _il.EmitBranch(Il.Br, labels[count]);
        foreach (var (depth, copy) in copies)
        {
            _il.Mark(copy);
            CopyToTarget(in Target(depth));
            EmitJump(depth, IsMetered ? EmitPayment() : -1);
        }

        BecomeUnreachable();
    }

    /// <summary>Whether a branch needs nothing before it: no operands to move, no check of the fuel, no payment.</summary>
    private bool IsReachedAsIs(in Frame target) =>
        !(IsMetered && target.Repeats) && (target.LabelTypes.Length == 0 || target.Height + target.LabelTypes.Length == _height);

    /// <summary>Branches to a frame, for whose next instructions an account pays.</summary>
    private void EmitJump(int depth, int account)
    {
        ref var target = ref Target(depth);
        int index = _frameCount - 1 - depth;
        Escape(index, account);
        if (IsMetered && target.Repeats)
        {
            if (index != _payingAhead)
            {
                if (!_accounts.IsYounger(account, target.Account))
                    account = EmitPayment();
                _accounts.AddSource(target.Account, account);
            }

            // Not when a function was called on the way that has compared the fuel.
            if (!_hasLooked)
            {
                EmitBalanceAndFloor();
                _il.EmitBranch(Il.Bge, target.Label);
                _il.EmitBranch(Il.Br, OutOfFuelLabel());
                return;
            }
        }

        _il.EmitBranch(Il.Br, target.Repeats ? target.Label : PaidLabelOf(ref target, account, IsFunctionEnd(depth)));
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
