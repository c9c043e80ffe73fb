using System.Globalization;

namespace Stoa.Wasm.Tests.Compilation;

/// <summary>A load whose last byte alone is outside of the memory traps, whatever little of it is wanted afterwards: the JIT knows many ways to load less.</summary>
public sealed class StraddlingLoadTests
{
    private static readonly string[] s_operations =
    [
        "add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor", "shl", "shr_s", "shr_u", "rotl", "rotr",
        "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u",
    ];

    private static readonly int[] s_constants = [0, 1, 2, 8, 24, 32, 64, 255, 256, 65_535, -1, -256];

    [Theory]
    [InlineData("i32", 65_533)]
    [InlineData("i64", 65_529)]
    public void Load_AcrossTheEnd_Traps(string type, int address)
    {
        var bodies = Bodies(type, string.Create(CultureInfo.InvariantCulture, $"i32.const {address} {type}.load")).ToList();
        string text = string.Concat(bodies.Select((body, number) => $"(func (export \"{number}\") (result i32) (local {type}) {body})\n"));
        using var instance = new Engine().CompileText($"(module (memory 1)\n{text})").Instantiate();
        var survivors = bodies.Where((_, number) => !Traps(instance, number.ToString(CultureInfo.InvariantCulture))).ToList();
        survivors.ShouldBeEmpty();
    }

    private static bool Traps(Instance instance, string function)
    {
        try
        {
            instance.Invoke(function);
            return false;
        }
        catch (TrapException trap)
        {
            return trap.Code == TrapCode.MemoryOutOfBounds;
        }
    }

    private static IEnumerable<string> Bodies(string type, string load)
    {
        foreach (string operation in s_operations)
        {
            bool isComparison = operation is "eq" or "ne" || operation[..2] is "lt" or "gt" or "le" or "ge";
            bool divides = operation is "div_s" or "div_u" or "rem_s" or "rem_u";
            var uses = Uses(isComparison ? "i32" : type).ToList();
            var others = s_constants.Select(constant => string.Create(CultureInfo.InvariantCulture, $"{type}.const {constant}")).Append("local.get 0");
            foreach (string other in others)
            {
                foreach (string use in uses)
                {
                    if (!divides || (other != $"{type}.const 0" && other != "local.get 0"))
                        yield return $"{load} {other} {type}.{operation} {use}";
                    yield return $"{other} {load} {type}.{operation} {use}";
                }
            }
        }

        foreach (string use in Uses(type))
        {
            yield return $"{load} {use}";
            yield return $"{load} local.set 0 local.get 0 {use}";
            yield return $"{load} {type}.clz {use}";
            yield return $"{load} {type}.popcnt {use}";
        }
    }

    /// <summary>Of a number, what makes an i32 that tells little of it.</summary>
    private static IEnumerable<string> Uses(string type) => type == "i32"
        ?
        [
            "", "i32.const 255 i32.and", "i32.const 1 i32.and", "i32.extend8_s", "i32.extend16_s", "i32.eqz", "i32.const 24 i32.shl",
            "i32.const 0 i32.lt_s", "i32.const 256 i32.rem_u", "i32.const 16 i32.shl i32.const 16 i32.shr_s", "drop i32.const 0",
        ]
        :
        [
            "i32.wrap_i64", "i64.const 255 i64.and i32.wrap_i64", "i64.extend8_s i32.wrap_i64", "i64.eqz", "i64.const 65536 i64.rem_u i64.eqz",
            "i64.const 32 i64.shr_u i32.wrap_i64", "i64.const 48 i64.shl i64.eqz", "drop i32.const 0",
        ];
}
