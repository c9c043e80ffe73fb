using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace Stoa.Wasm.Compilation;

/// <summary>What a method that was made at run time stands for in a backtrace. Methods without an origin are not shown.</summary>
/// <param name="Module">The module; null for a call of the host.</param>
/// <param name="Function">The function's number in it; null for a call of the host.</param>
internal sealed record MethodOrigin(Module? Module, int? Function)
{
    // A method that an exception still knows keeps its module alive, and a module that is gone leaves nothing here.
    private static readonly ConditionalWeakTable<MethodBase, MethodOrigin> s_origins = [];

    private static readonly MethodOrigin s_host = new(null, null);

    public static void OfFunction(DynamicMethod method, Module module, int function) =>
        s_origins.Add(method, new MethodOrigin(module, function));

    public static void OfHost(DynamicMethod method) => s_origins.Add(method, s_host);

    public static MethodOrigin? Find(MethodBase method) => s_origins.TryGetValue(method, out var origin) ? origin : null;
}
