using System.Reflection;
using Stoa.Wasm.Binary;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>Memories other than the first: their bases and sizes are read from the context at each access.</summary>
internal sealed partial class FunctionCompiler
{
    private static readonly FieldInfo s_viewBase = typeof(MemoryView).GetField(nameof(MemoryView.Base))!;
    private static readonly FieldInfo s_viewSizeComplement = typeof(MemoryView).GetField(nameof(MemoryView.SizeComplement))!;

    /// <summary>Replaces a guest's address, widened already, by the real one; compares always.</summary>
    private void EmitAddressOfFurther(MemoryOperand operand, int bytes)
    {
        EmitBoundsCheck(operand, bytes);
        EmitContextAddress(_layout.MemoryView(operand.Memory));
        EmitField(Il.Ldfld, s_viewBase);
        _il.Emit(Il.Add);
        if (operand.Offset == 0)
            return;
        EmitNativeConstant(operand.Offset);
        _il.Emit(Il.Add);
    }

    private void EmitSizeComplement(int memory)
    {
        if (memory == 0)
        {
            EmitContext();
            EmitField(Il.Ldfld, ContextFields.MemorySizeComplement);
            return;
        }

        EmitContextAddress(_layout.MemoryView(memory));
        EmitField(Il.Ldfld, s_viewSizeComplement);
    }
}
