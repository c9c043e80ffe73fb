using System.Reflection;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>Calls: within the module by cells, to others by records.</summary>
internal sealed partial class FunctionCompiler
{
    private static readonly MethodInfo s_resolve = Thunks.Find(typeof(IndirectCall), nameof(IndirectCall.Resolve));

    private int _record = -1;

    private void CompileCall(int function)
    {
        var signature = _definition.TypeOfFunction(function);
        PopArguments(signature);
        if (function < _definition.ImportedFunctions)
        {
            EmitImportedRecord(function);
            EmitCallOfRecord(signature);
            return;
        }

        EmitFuelStore();
        EmitContextAndCell(function);
        EmitCalli(signature);
        EmitFuelLoad();
        _hasLooked |= LooksAtFuel(function);
        PushResults(signature, ofRecord: false);
    }

    /// <summary>Leaves the context, and above it the address of a function of the module's own, which may be that of its lazy stub.</summary>
    private void EmitContextAndCell(int function)
    {
        if (function != _function && !_module.Code.IsCompiled(function))
        {
            EmitContext();
            _il.EmitConstant(function);
            EmitField(Il.Stfld, ContextFields.PendingFunction);
        }

        EmitContext();
        _il.EmitConstant((long)_module.Code.CellOf(function));
        _il.Emit([Il.ConvI, Il.LdindI]);
    }

    private void PopArguments(Signature signature)
    {
        int count = signature.Type.Parameters.Length;
        Pop(count);
        for (int i = 0; i < count; i++)
            _loads.Want(_operands[_height + i].Origin);
    }

    private void CompileCallIndirect(int type, int table)
    {
        var signature = _definition.Types[type];
        Pop();
        PopArguments(signature);
        EmitResolve(signature, table);
        EmitCallOfRecord(signature);
    }

    /// <summary>Replaces the index on top by the record that a table has there.</summary>
    private void EmitResolve(Signature signature, int table)
    {
        EmitContextAddress(_layout.Tables + (table * nint.Size));
        _il.Emit(Il.LdindI);
        _il.EmitConstant(signature.Id);
        EmitCall(s_resolve);
    }

    /// <summary>Calls through the record whose address lies on top, above the arguments.</summary>
    private void EmitCallOfRecord(Signature signature)
    {
        if (_record < 0)
            _record = NewLocal(Il.TypeI);
        EmitStloc(_record);
        EmitFuelStore();
        EmitLdloc(_record);
        EmitField(Il.Ldfld, ContextFields.RecordContext);
        EmitLdloc(_record);
        EmitField(Il.Ldfld, ContextFields.RecordCode);
        EmitCalli(signature);
        EmitFuelLoad();
        PushResults(signature, ofRecord: true);
    }

    private void EmitCalli(Signature signature)
    {
        _il.Emit(Il.Calli, _info.GetTokenFor(signature.Blob));
    }

    private void PushResults(Signature signature, bool ofRecord)
    {
        var results = signature.Type.Results;
        if (results.Length > 0)
            Push(results[0]);
        for (int i = 1; i < results.Length; i++)
        {
            if (ofRecord)
            {
                EmitLdloc(_record);
                EmitField(Il.Ldfld, ContextFields.RecordContext);
            }
            else
            {
                EmitContext();
            }

            EmitField(Il.Ldfld, ContextFields.Results);
            _il.EmitConstant((i - 1) * Runtime.Slot.Bytes);
            _il.Emit(Il.Add);
            EmitValueLoad(results[i]);
            Push(results[i]);
        }
    }

    /// <summary>Leaves the address of an imported function's record.</summary>
    private void EmitImportedRecord(int function)
    {
        EmitContextAddress(_layout.Imports + (function * nint.Size));
        _il.Emit(Il.LdindI);
    }

    private void CompileFunctionReference(int function)
    {
        EnsureLoaded();
        if (function < _definition.ImportedFunctions)
        {
            EmitImportedRecord(function);
        }
        else
        {
            EmitContextAddress(_layout.FunctionRecords[function]);
        }

        Push(ValueKind.FuncRef);
    }
}
