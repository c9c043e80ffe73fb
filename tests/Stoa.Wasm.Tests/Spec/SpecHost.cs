namespace Stoa.Wasm.Tests.Spec;

/// <summary>The module <c>spectest</c> that the suite's modules import from.</summary>
internal static class SpecHost
{
    public static Imports Imports()
    {
        var imports = new Imports();
        imports.AddFunction("spectest", "print", () => { });
        imports.AddFunction("spectest", "print_i32", (int _) => { });
        imports.AddFunction("spectest", "print_i64", (long _) => { });
        imports.AddFunction("spectest", "print_f32", (float _) => { });
        imports.AddFunction("spectest", "print_f64", (double _) => { });
        imports.AddFunction("spectest", "print_i32_f32", (int _, float _) => { });
        imports.AddFunction("spectest", "print_f64_f64", (double _, double _) => { });
        imports.Add("spectest", "global_i32", new Global(isMutable: false, 666));
        imports.Add("spectest", "global_i64", new Global(isMutable: false, 666L));
        imports.Add("spectest", "global_f32", new Global(isMutable: false, 666.6f));
        imports.Add("spectest", "global_f64", new Global(isMutable: false, 666.6));
        imports.Add("spectest", "table", new Table(ValueKind.FuncRef, new Limits(10, 20)));
        imports.Add("spectest", "memory", new Memory(new Limits(1, 2)));
        return imports;
    }
}
