using Stoa.Wasm.Binary;
using static Stoa.Wasm.Compilation.ContextFields;

namespace Stoa.Wasm.Compilation;

/// <summary>Who pays for which basic block: see <see cref="FuelAccounts"/>.</summary>
internal sealed partial class FunctionCompiler
{
    private readonly FuelAccounts _accounts = new();
    private readonly List<ColdBranch> _coldBranches = [];

    /// <summary>The blocks, from the outermost, whose <see cref="Frame.Account"/> pays for what comes behind them.</summary>
    private readonly List<int> _guarded = [];

    /// <summary>The loop that may pay for what is only likely to run; -1 outside of such.</summary>
    private int _payingAhead = -1;

    /// <summary>What pays for the present basic block; -1 when nothing does yet.</summary>
    private int _account = -1;

    /// <summary>A branch that is rarely taken: where it begins, where it goes, and the payment on its way.</summary>
    private readonly record struct ColdBranch(int Label, int Target, int Account);

    /// <summary>Charges the present basic block for an instruction.</summary>
    private void Charge()
    {
        if (IsMetered)
            _accounts.Charge(OpenBlock(), 1);
    }

    /// <summary>Lets the present basic block pay for itself, if nothing else does.</summary>
    private int OpenBlock()
    {
        if (_account < 0)
            _account = EmitPayment();
        return _account;
    }

    private void CloseBlock() => _account = -1;

    /// <summary>Takes fuel; how much is known at the end.</summary>
    private int EmitPayment() => EmitPayment(_accounts.NewPayment());

    private int EmitPayment(int account)
    {
        int start = _il.Length;
        int amountAt;
        if (KeepsFuelInLocal)
        {
            EmitLdloc(_fuel);
            amountAt = _il.EmitPlaceholder();
            _il.Emit(Il.Sub);
            EmitStloc(_fuel);
        }
        else
        {
            EmitContext();
            _il.Emit(Il.Dup);
            EmitField(Il.Ldfld, Fuel);
            amountAt = _il.EmitPlaceholder();
            _il.Emit(Il.Sub);
            EmitField(Il.Stfld, Fuel);
        }

        _accounts.Place(account, start, amountAt, _il.Length);
        return account;
    }

    /// <summary>What led to the end of a block comes together; who pays for what comes then is found.</summary>
    private void Join(in Frame frame)
    {
        var payers = frame.Payers ?? [];
        bool isJoined = frame.IsLabelUsed || frame.ElseLabel >= 0;
        if (_isReachable && !isJoined && payers.Count > 0)
            payers.Add(OpenBlock());
        if (frame.ElseLabel >= 0)
            Mark(frame.ElseLabel);
        Mark(frame.Label);
        if (!IsMetered || _frameCount == 1 || (!isJoined && payers.Count == 0))
            return;
        if (isJoined && frame.Account >= 0 && frame.Opcode != Opcode.Loop && (frame.IsLikely || frame.ElseLabel >= 0 || payers.Count == 0))
        {
            _account = _accounts.NewShared(frame.Account, frame.PaidBack ?? []);
        }
        else
        {
            if (isJoined)
            {
                CloseBlock();
                payers.Add(OpenBlock());
            }

            _account = _accounts.NewShared(payers);
        }

        if (frame.PaidLabel >= 0)
            Mark(frame.PaidLabel);
    }

    /// <summary>A branch leaves blocks otherwise than by their ends: what comes behind them does not run.</summary>
    /// <param name="target">The frame that it goes to.</param>
    /// <param name="account">What pays on its way and no other, or -1.</param>
    private void Escape(int target, int account)
    {
        int end = _guarded.Count;
        if (account >= 0 && _payingAhead >= 0)
        {
            for (; end > 0 && _guarded[end - 1] > Math.Max(target, _payingAhead); end--)
                (_frames[_guarded[end - 1]].PaidBack ??= []).Add(account);
        }

        int start = end;
        for (; start > 0 && _guarded[start - 1] > target; start--)
            _frames[_guarded[start - 1]].Account = -1;
        _guarded.RemoveRange(start, end - start);
    }

    /// <summary>Where those go that have paid for what comes at the end of a block. Nothing does at the end of the function.</summary>
    private int PaidLabelOf(ref Frame target, int account, bool isFunctionEnd)
    {
        if (!IsMetered || isFunctionEnd)
        {
            target.IsLabelUsed = true;
            return target.Label;
        }

        (target.Payers ??= []).Add(account);
        if (target.PaidLabel < 0)
            target.PaidLabel = _il.NewLabel();
        return target.PaidLabel;
    }

    /// <summary>Branches out of a loop when the condition on top is true. The turn is paid for as if it were not, and what is not run is paid back.</summary>
    private void EmitLikelyStay(int depth)
    {
        ref var target = ref Target(depth);
        int exit = _accounts.NewPayment();
        var branch = new ColdBranch(_il.NewLabel(), PaidLabelOf(ref target, exit, IsFunctionEnd(depth)), exit);
        _coldBranches.Add(branch);
        EmitConditional(branch.Label, outcome: true);
        Escape(_frameCount - 1 - depth, exit);
        _account = _accounts.NewShared(_account, [exit]);
    }

    /// <summary>Begins the next turn of a loop when the condition on top is true. It is paid for, and paid back when the condition is not.</summary>
    private void EmitContinue(int depth)
    {
        int paying = _account;
        CloseBlock();
        ref var target = ref Target(depth);
        int next = _accounts.NewShared(paying);
        EmitConditional(PaidLabelOf(ref target, next, isFunctionEnd: false), outcome: true);
        _accounts.AddSource(next, OpenBlock(), sign: -1);
        Escape(_frameCount - 1 - depth, next);
    }

    private void EmitColdBranches()
    {
        foreach (var (label, target, account) in _coldBranches)
        {
            _il.Mark(label);
            EmitPayment(account);
            _il.EmitBranch(Il.Br, target);
        }
    }
}
