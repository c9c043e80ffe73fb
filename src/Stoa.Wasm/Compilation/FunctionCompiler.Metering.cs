using System.Reflection;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Runtime;
using static Stoa.Wasm.Compilation.ContextFields;

namespace Stoa.Wasm.Compilation;

/// <summary>Fuel, interruption, depth of calls, room on the stack.</summary>
/// <remarks>
/// Basic blocks are paid for as a whole, by payments that <see cref="FuelAccounts"/> plans. The balance is compared with the floor when a function that calls
/// others, or is not short, is entered and before a loop is repeated, since there is no other way to run for long; whoever wants to
/// interrupt raises the floor. A long function counts as one that calls: a caller may be nothing but half a million calls of it.
/// Where a function has loops its balance is kept in a local, and in the context while it calls others.
/// </remarks>
internal sealed partial class FunctionCompiler
{
    private static readonly MethodInfo s_outOfFuel = Thunks.Find(typeof(Trap), nameof(Trap.OutOfFuel));
    private static readonly MethodInfo s_callStackExhausted = Thunks.Find(typeof(Trap), nameof(Trap.CallStackExhausted));

    /// <summary>The longest function that does not look at the fuel when it is entered, if it calls no other.</summary>
    private const int MaxUncheckedBytes = 64;

    private int _fuel = -1;

    private int _outOfFuel = -1;
    private int _stackExhausted = -1;

    /// <summary>Whether, since the last place where control may join, a function was called that has compared the fuel.</summary>
    private bool _hasLooked;

    private bool IsGuarded => _definition.CallGraph.IsGuarded(_function);

    private bool IsMetered => _module.Engine.Options.IsMetered;

    private bool KeepsFuelInLocal => IsMetered && (_body.Facts & FunctionFacts.HasLoop) != 0 && !_isFrugal;

    private void EmitEntry()
    {
        if (IsGuarded)
            EmitDepthCheck();
        if (KeepsFuelInLocal)
            _fuel = NewLocal(Il.TypeI8);
        EmitFuelLoad();
        if (IsMetered && LooksAtFuel(_function))
        {
            OpenBlock();
            EmitBalanceAndFloor();
            _il.EmitBranch(Il.Blt, OutOfFuelLabel());
        }

        if ((_body.Facts & FunctionFacts.UsesMemory) != 0)
            EmitMemoryBases();
    }

    /// <summary>Whether a function of the module's own compares the fuel when it is entered.</summary>
    private bool LooksAtFuel(int function)
    {
        var body = _definition.Bodies[function - _definition.ImportedFunctions];
        return (body.Facts & FunctionFacts.HasCall) != 0 || body.Length > MaxUncheckedBytes;
    }

    private void EmitDepthCheck()
    {
        _stackExhausted = _il.NewLabel();
        if (!_definition.CallGraph.IsLarge(_function))
        {
            // Where a local lies tells where the stack pointer is.
            int here = NewLocal(Il.TypeI4);
            _il.EmitWide(Il.Ldloca, here);
            _il.Emit(Il.ConvU);
            EmitContext();
            EmitField(Il.Ldfld, StackLimit);
            _il.EmitBranch(Il.BltUn, _stackExhausted);
        }

        int depth = Temporary(ValueKind.I32);
        EmitContext();
        EmitField(Il.Ldfld, DepthRemaining);
        _il.EmitConstant(1);
        _il.Emit(Il.Sub);
        EmitStloc(depth);
        EmitContext();
        EmitLdloc(depth);
        EmitField(Il.Stfld, DepthRemaining);
        EmitLdloc(depth);
        _il.EmitConstant(0);
        _il.EmitBranch(Il.Blt, _stackExhausted);
    }

    /// <summary>What every return does before it leaves.</summary>
    private void EmitLeave()
    {
        // A call right before a return would become a jump, and its caller would be missing in backtraces.
        _il.Emit(Il.Nop);
        EmitFuelStore();
        if (!IsGuarded)
            return;
        EmitContext();
        _il.Emit(Il.Dup);
        EmitField(Il.Ldfld, DepthRemaining);
        _il.EmitConstant(1);
        _il.Emit(Il.Add);
        EmitField(Il.Stfld, DepthRemaining);
    }

    private int OutOfFuelLabel()
    {
        if (_outOfFuel < 0)
            _outOfFuel = _il.NewLabel();
        return _outOfFuel;
    }

    private void EmitBalanceAndFloor()
    {
        EmitBalance();
        EmitContext();
        _il.Emit([Il.Prefix, Il.Volatile]);
        EmitField(Il.Ldfld, FuelFloor);
    }

    private void EmitBalance()
    {
        if (KeepsFuelInLocal)
        {
            EmitLdloc(_fuel);
            return;
        }

        EmitContext();
        EmitField(Il.Ldfld, Fuel);
    }

    /// <summary>Before the function gives control away: the context has to know the balance.</summary>
    private void EmitFuelStore()
    {
        if (!KeepsFuelInLocal)
            return;
        EmitContext();
        EmitLdloc(_fuel);
        EmitField(Il.Stfld, Fuel);
    }

    /// <summary>When the function has control, for the first time or again.</summary>
    private void EmitFuelLoad()
    {
        if (!KeepsFuelInLocal)
            return;
        EmitContext();
        EmitField(Il.Ldfld, Fuel);
        EmitStloc(_fuel);
    }

    /// <summary>The ends of the method that are not reached in the normal course.</summary>
    private void EmitColdEnds()
    {
        EmitColdBranches();

        if (_stackExhausted >= 0)
        {
            _il.Mark(_stackExhausted);
            EmitCall(s_callStackExhausted);
            _il.Emit([Il.LdNull, Il.Throw]);
        }

        if (_outOfFuel >= 0)
        {
            _il.Mark(_outOfFuel);
            EmitFuelStore();
            EmitContext();
            EmitCall(s_outOfFuel);
            _il.Emit([Il.LdNull, Il.Throw]);
        }
    }
}
