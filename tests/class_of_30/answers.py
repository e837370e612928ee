"""Bodies of the four functions of assignment 2: right ones in five manners, and usual mistakes."""

from __future__ import annotations

LOSS, GRADIENT_X, GRADIENT_A, FUNCTION = QUESTIONS = (
    "sparse_center_loss",
    "gradient_x",
    "gradient_a",
    "sparse_center_loss_by_hand",
)
ALL = frozenset(QUESTIONS)

ONE_LINE = {
    LOSS: "return ((1 + (a * (x - c[y]) ** 2).sum(1)).sqrt() - 1).mean()",
    GRADIENT_X: "return a * (x - c[y]) / (1 + (a * (x - c[y]) ** 2).sum(1, True)).sqrt() / len(x)",
    GRADIENT_A: "return (x - c[y]) ** 2 / (1 + (a * (x - c[y]) ** 2).sum(1, True)).sqrt() / (2 * len(x))",
    FUNCTION: """
        class Loss(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, a, y, c):
                ctx.save_for_backward(x, a, y, c)
                return ((1 + (a * (x - c[y]) ** 2).sum(1)).sqrt() - 1).mean()

            @staticmethod
            def backward(ctx, incoming):
                x, a, y, c = ctx.saved_tensors
                D = x - c[y]
                share = incoming / len(x) / (1 + (a * D**2).sum(1, keepdim=True)).sqrt()
                return share * a * D, share * D**2 / 2, None, None

        return Loss.apply(x, a, y, c)
        """,
}

EINSUM = {
    **ONE_LINE,
    LOSS: "D = x - c[y]\nreturn ((1 + torch.einsum('ij,ij,ij->i', a, D, D)).sqrt() - 1).sum() / x.shape[0]",
    GRADIENT_X: """
        D = x - c[y]
        r = (1 + torch.einsum('ij,ij,ij->i', a, D, D)).sqrt()
        return torch.einsum('ij,ij,i->ij', a, D, 1 / r) / x.shape[0]
        """,
    GRADIENT_A: """
        D = x - c[y]
        r = (1 + torch.einsum('ij,ij,ij->i', a, D, D)).sqrt()
        return torch.einsum('ij,ij,i->ij', D, D, 1 / r) / (2 * x.shape[0])
        """,
}

LOOPS = {
    **ONE_LINE,
    LOSS: """
        total = torch.zeros((), dtype=x.dtype)
        for i in range(x.shape[0]):
            below = 1.0
            for j in range(x.shape[1]):
                below = below + a[i, j] * (x[i, j] - c[y[i], j]) ** 2
            total = total + below ** 0.5 - 1
        return total / x.shape[0]
        """,
    GRADIENT_X: """
        dx = torch.empty_like(x)
        for i, k in enumerate(y.tolist()):
            root = (1 + sum(a[i, j] * (x[i, j] - c[k, j]) ** 2 for j in range(x.shape[1]))) ** 0.5
            for j in range(x.shape[1]):
                dx[i, j] = a[i, j] * (x[i, j] - c[k, j]) / (root * len(y))
        return dx
        """,
    GRADIENT_A: """
        rows = []
        for i, k in enumerate(y.tolist()):
            squares = (x[i] - c[k]) ** 2
            rows.append(squares / (2 * len(y) * (1 + a[i] @ squares) ** 0.5))
        return torch.stack(rows)
        """,
}

# Half precision comes in wider and goes out as it came; differences and roots are functions in a cell of their own.
WIDENED = {
    **ONE_LINE,
    LOSS: "return (roots(x, a, y, c) - 1).mean()",
    GRADIENT_X: "return (wide(a) * differences(x, y, c) / (len(x) * roots(x, a, y, c))).to(x.dtype)",
    GRADIENT_A: "return (differences(x, y, c).square() / (2 * len(x) * roots(x, a, y, c))).to(a.dtype)",
}
WIDE_CELL = """
    def wide(tensor):
        return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor

    def differences(x, y, c):
        return wide(x) - wide(c)[y]

    def roots(x, a, y, c):
        return (1 + (wide(a) * differences(x, y, c).square()).sum(dim=1, keepdim=True)).sqrt()
"""

ONE_HOT = {
    **ONE_LINE,
    LOSS: """
        H = torch.nn.functional.one_hot(y, c.shape[0]).to(c.dtype)
        D = x - H @ c
        return torch.diagonal(1 + (a * D) @ D.T).sqrt().sub(1).sum() / y.numel()
        """,
    GRADIENT_X: """
        aD = a.mul(x.sub(torch.nn.functional.one_hot(y, c.shape[0]).to(c.dtype) @ c))
        return aD.div(torch.hypot(torch.ones(()), (aD * (x - c[y])).sum(1).sqrt())[:, None]).div(y.numel())
        """,
    GRADIENT_A: """
        squares = x.sub(c.index_select(0, y)).pow(2)
        return squares.div((a * squares).sum(1).add(1).sqrt().mul(2 * y.numel())[:, None])
        """,
}

WRONG_ALL = {
    LOSS: "return (a * (x - c[y])).sum()",
    GRADIENT_X: "return -x",
    GRADIENT_A: "return x * 0",
    FUNCTION: "return (a * (x - c[y])).sum()",
}
