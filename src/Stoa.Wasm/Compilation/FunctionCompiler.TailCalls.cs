using System.Reflection;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>Calls that take the place of their caller: however many follow each other, the stack does not grow.</summary>
/// <remarks>
/// The runtime jumps where the callee's arguments fit into the place that the caller's had on the stack, and has a dispatcher of its own
/// where they do not.
/// </remarks>
internal sealed partial class FunctionCompiler
{
    private static readonly MethodInfo s_shareResults = Thunks.Find(typeof(IndirectCall), nameof(IndirectCall.ShareResults));

    private void CompileTailCall(int function)
    {
        var signature = _definition.TypeOfFunction(function);
        PopAlone(signature.Type.Parameters.Length);
        if (function < _definition.ImportedFunctions)
        {
            EmitImportedRecord(function);
            EmitTailCallOfRecord(signature);
            return;
        }

        EmitLeave();
        EmitContextAndCell(function);
        EmitTailCalli(signature);
    }

    private void CompileTailCallIndirect(int type, int table)
    {
        var signature = _definition.Types[type];
        PopAlone(signature.Type.Parameters.Length + 1);
        EmitResolve(signature, table);
        EmitTailCallOfRecord(signature);
    }

    private void EmitTailCallOfRecord(Signature signature)
    {
        if (_record < 0)
            _record = NewLocal(Il.TypeI);
        EmitStloc(_record);
        EmitLeave();
        if (signature.Type.Results.Length > 1)
        {
            EmitLdloc(_record);
            EmitContext();
            EmitCall(s_shareResults);
        }

        EmitLdloc(_record);
        EmitField(Il.Ldfld, ContextFields.RecordContext);
        EmitLdloc(_record);
        EmitField(Il.Ldfld, ContextFields.RecordCode);
        EmitTailCalli(signature);
    }

    private void EmitTailCalli(Signature signature)
    {
        _il.Emit([Il.Prefix, Il.Tail]);
        EmitCalli(signature);
        _il.Emit(Il.Ret);
        Escape(0, _account);
        BecomeUnreachable();
    }

    /// <summary>Takes operands as <see cref="Pop"/> does, and leaves nothing else of the block on the evaluation stack: nothing may lie below the arguments.</summary>
    private void PopAlone(int count)
    {
        if (_height - count == CurrentFrame.Height)
        {
            Pop(count);
            return;
        }

        Flush();
        _height -= count;
        for (int i = 0; i < count; i++)
            EmitLdloc(Slot(_height + i));
    }
}
