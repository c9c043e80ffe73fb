using System.Reflection;
using Stoa.Wasm.Runtime;

namespace Stoa.Wasm.Compilation;

/// <summary>The fields of the context and of function records that compiled code touches.</summary>
internal static class ContextFields
{
    public static readonly FieldInfo Fuel = Context(nameof(InstanceContext.Fuel));
    public static readonly FieldInfo FuelFloor = Context(nameof(InstanceContext.FuelFloor));
    public static readonly FieldInfo StackLimit = Context(nameof(InstanceContext.StackLimit));
    public static readonly FieldInfo DepthRemaining = Context(nameof(InstanceContext.DepthRemaining));
    public static readonly FieldInfo PendingFunction = Context(nameof(InstanceContext.PendingFunction));
    public static readonly FieldInfo MemoryBase = Context(nameof(InstanceContext.MemoryBase));
    public static readonly FieldInfo MemorySizeComplement = Context(nameof(InstanceContext.MemorySizeComplement));
    public static readonly FieldInfo Results = Context(nameof(InstanceContext.Results));
    public static readonly FieldInfo RecordCode = typeof(FunctionRecord).GetField(nameof(FunctionRecord.Code))!;
    public static readonly FieldInfo RecordContext = typeof(FunctionRecord).GetField(nameof(FunctionRecord.Context))!;

    private static FieldInfo Context(string field) => typeof(InstanceContext).GetField(field)!;
}
